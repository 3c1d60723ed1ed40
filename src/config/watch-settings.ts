// The settings of capturing and of traces.

import { Type } from "typebox";
import { folder, gibibyte, mebibyte, size } from "./setting-kinds.ts";

export const watchSettings = {
  captureDir: Type.Optional(
    Type.String({
      description:
        "Folder that every exchange is captured to, one file each. What was said stands in it. Default: none",
      ...folder,
    }),
  ),
  captureMaxBytes: Type.Integer({
    description: "Most bytes of all captures together. Beyond it the oldest are deleted",
    default: 256 * mebibyte,
    minimum: 1,
    maximum: 1024 * gibibyte,
  }),
  captureMaxExchangeBytes: size(
    "Most bytes of the bodies of one captured exchange. Beyond it they are cut",
    16 * mebibyte,
  ),
  otelExporterOtlpEndpoint: Type.Optional(
    Type.String({
      description: "Collector that traces are sent to by OTLP over HTTP, such as http://127.0.0.1:4318. Default: none",
      pattern: "^https?://[^\\s/?#@]+(/[^\\s?#]*)?$",
      format: "uri",
      allowed: "an http:// or https:// address without password and query",
    }),
  ),
  otelExporterOtlpHeaders: Type.Optional(
    Type.String({
      description: "Headers for that collector, such as a key",
      pattern: "^[!-~]+=[ -~]*$",
      writeOnly: true,
      allowed: "name=value pairs separated by commas",
    }),
  ),
  otelServiceName: Type.String({
    description: "Name of this gateway in traces",
    default: "qwen-gateway",
    pattern: "^[ -~]{1,200}$",
    allowed: "printable ASCII of 1 to 200 characters",
  }),
  otelSamplePercent: Type.Integer({
    description: "How many of a hundred traces that begin here are sent. Where a client began one, its choice counts",
    default: 100,
    minimum: 0,
    maximum: 100,
  }),
};
