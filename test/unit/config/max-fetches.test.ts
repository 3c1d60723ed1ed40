import { expect, test } from "bun:test";
import { maxFetches } from "../../../src/config/max-fetches.ts";

// As measured: the runtime takes whole numbers from 1 to 65535 and falls back to 256 for anything else.
test.each([
  [undefined, 256],
  ["", 256],
  ["3", 3],
  ["65336", 65_336],
  ["65536", 256],
  ["0", 256],
  ["-1", 256],
  [" 7", 256],
  ["10x", 256],
])("maxFetches reads %p as the runtime does", (text, count) => {
  expect(maxFetches({ BUN_CONFIG_MAX_HTTP_REQUESTS: text })).toBe(count);
});
