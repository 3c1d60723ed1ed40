// Captures and traces, as the settings have them.

import { join } from "node:path";
import { type Capture, type CaptureOptions, type CaptureSettings, createCapture } from "../capture/capture.ts";
import type { Config } from "../config/config-schema.ts";
import { version } from "../config/version.ts";
import type { Log } from "../telemetry/log.ts";
import type { SpanFigures, Tracing } from "../telemetry/tracing.ts";

/** Traces as one set of settings has them. Services whose settings agree share them. */
export interface ConfiguredTracing {
  readonly settings: readonly unknown[];
  /** Undefined: none are sent. */
  readonly tracing: Tracing | undefined;
}

/** @param parts with the secrets of the settings as they are now, and the keys of this gateway */
export function composeCapture(
  config: Config,
  parts: Pick<CaptureOptions, "secrets" | "writer" | "clock" | "log">,
): Capture {
  return createCapture({
    ...captureSettings(config),
    sessionDirectory: join(config.dataDir, "captures"),
    version,
    ...parts,
  });
}

export function captureSettings(config: Config): CaptureSettings {
  return {
    directory: config.captureDir,
    maxBytes: config.captureMaxBytes,
    maxExchangeBytes: config.captureMaxExchangeBytes,
  };
}

/**
 * Loaded only where traces are sent.
 * @param figures go on over all settings
 * @param former taken over where the settings agree
 */
export async function composeTracing(
  config: Config,
  log: Log,
  figures: SpanFigures,
  former: ConfiguredTracing | undefined,
): Promise<ConfiguredTracing> {
  const { otelExporterOtlpEndpoint, otelExporterOtlpHeaders, otelServiceName, otelSamplePercent } = config;
  const settings = [otelExporterOtlpEndpoint, otelExporterOtlpHeaders, otelServiceName, otelSamplePercent];
  if (former !== undefined && Bun.deepEquals(former.settings, settings)) return former;
  return { settings, tracing: await openTracing(config, log, figures) };
}

async function openTracing(config: Config, log: Log, figures: SpanFigures): Promise<Tracing | undefined> {
  if (config.otelExporterOtlpEndpoint === undefined) return undefined;
  const { createOtelTracing } = await import("../telemetry/otel-tracing.ts");
  return createOtelTracing({
    figures,
    endpoint: config.otelExporterOtlpEndpoint,
    headers: config.otelExporterOtlpHeaders,
    serviceName: config.otelServiceName,
    version,
    samplePercent: config.otelSamplePercent,
    log: log.with({ component: "tracing" }),
  });
}
