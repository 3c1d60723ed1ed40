// Heads that the parser took although they are too large are refused in words.

import { estimateShallowMemoryUsageOf } from "bun:jsc";
import { GatewayError } from "../../contract/gateway-error.ts";
import { maxHeadBytes } from "./head-sizes.ts";

/** @throws {GatewayError} `head-too-large` */
export function checkHead({ url, headers }: Request): void {
  // The runtime counts values, names and something for each, in 0.03 µs, where going through them takes 1.4: never too few.
  if (estimateShallowMemoryUsageOf(headers) + url.length <= maxHeadBytes) return;
  let bytes = url.length - Math.max(0, url.indexOf("/", "https://".length));
  for (const [name, value] of headers) bytes += name.length + value.length + ": \r\n".length;
  if (bytes <= maxHeadBytes) return;
  throw new GatewayError(
    "head-too-large",
    `Cannot take this request: its address and headers have ${bytes} bytes, and ${maxHeadBytes} are the most`,
  );
}
