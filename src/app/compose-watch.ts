// Captures and traces, as the settings have them.

import { join } from "node:path";
import { type Capture, createCapture } from "../capture/capture.ts";
import type { Config } from "../config/config-schema.ts";
import { secretTexts } from "../config/secret-texts.ts";
import { version } from "../config/version.ts";
import type { Clock } from "../contract/clock.ts";
import type { LiveLog } from "../telemetry/create-log.ts";
import type { Log } from "../telemetry/log.ts";
import type { Tracing } from "../telemetry/tracing.ts";

/** @param apiKeys of this gateway as they are now, a generated one among them */
export function composeCapture(config: Config, apiKeys: () => readonly string[], clock: Clock, log: LiveLog): Capture {
  return createCapture({
    directory: config.captureDir,
    sessionDirectory: join(config.dataDir, "captures"),
    maxBytes: config.captureMaxBytes,
    maxExchangeBytes: config.captureMaxExchangeBytes,
    secrets: () => [...secretTexts(config), ...apiKeys()],
    version,
    clock,
    log,
  });
}

/** Loaded only where traces are sent. */
export async function composeTracing(config: Config, log: Log): Promise<Tracing | undefined> {
  if (config.otelExporterOtlpEndpoint === undefined) return undefined;
  const { createOtelTracing } = await import("../telemetry/otel-tracing.ts");
  return createOtelTracing({
    endpoint: config.otelExporterOtlpEndpoint,
    headers: config.otelExporterOtlpHeaders,
    serviceName: config.otelServiceName,
    version,
    samplePercent: config.otelSamplePercent,
    log: log.with({ component: "tracing" }),
  });
}
