// The file of a capture, named by a user: what is wrong with it, in words.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../../../src/cli/command.ts";
import { loadCapture } from "../../../src/cli/load-capture.ts";

const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-capture-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["a file that is not there", join(import.meta.dir, "none.jsonl"), "there is no such file"],
  ["a folder", tmpdir(), "it is a folder"],
  ["another file", import.meta.path, "line 1 is no JSON"],
])("loadCapture says so of %s", (_what, path, reason) => {
  expect(() => loadCapture(path)).toThrow(`Cannot read capture "${path}": ${reason}`);
});

test("loadCapture passes on what the system says of anything else", () => {
  const path = join(folder, "socket");
  using _listener = Bun.listen({ unix: path, socket: { data() {} } });

  expect(() => loadCapture(path)).toThrow(UsageError);
});
