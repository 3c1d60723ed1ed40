// The file of a capture, named by a user: what is wrong with it, in words.

import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCapture } from "../../../src/cli/load-capture.ts";

test.each([
  ["a file that is not there", join(import.meta.dir, "none.jsonl"), "there is no such file"],
  ["a folder", tmpdir(), "it is a folder"],
  ["another file", import.meta.path, "line 1 is no JSON"],
])("loadCapture says so of %s", (_what, path, reason) => {
  expect(() => loadCapture(path)).toThrow(`Cannot read capture "${path}": ${reason}`);
});
