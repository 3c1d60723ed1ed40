// Captures and traces, as the settings have them.

import { join } from "node:path";
import { type Capture, createCapture } from "../capture/capture.ts";
import type { Config } from "../config/config-schema.ts";
import { version } from "../config/version.ts";
import type { Clock } from "../contract/clock.ts";
import type { LiveLog } from "../telemetry/create-log.ts";
import type { Log } from "../telemetry/log.ts";
import type { Tracing } from "../telemetry/tracing.ts";

/** @param secrets of the settings as they are now, with the keys of this gateway */
export function composeCapture(config: Config, secrets: () => readonly string[], clock: Clock, log: LiveLog): Capture {
  return createCapture({
    directory: config.captureDir,
    sessionDirectory: join(config.dataDir, "captures"),
    maxBytes: config.captureMaxBytes,
    maxExchangeBytes: config.captureMaxExchangeBytes,
    secrets,
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
