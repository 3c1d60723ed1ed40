// How many fetches the runtime runs at a time. It reads the variable before the program starts; boot.ts sets it.

import type { Environment } from "./load-config.ts";

/** What counts when the variable is missing or is no number from 1 to 65535. */
const runtimeDefault = 256;

export function maxFetches(environment: Environment): number {
  const text = environment["BUN_CONFIG_MAX_HTTP_REQUESTS"] ?? "";
  const count = Number(text);
  return /^\d+$/.test(text) && count >= 1 && count <= 65_535 ? count : runtimeDefault;
}
