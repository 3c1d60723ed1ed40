// The token of the agent in the data directory.

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadOrCreateAgentToken } from "../../../src/config/agent-token-file.ts";

test("loadOrCreateAgentToken makes one for its owner alone, and finds it again", () => {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-agent-token-"));
  const dataDir = join(folder, "data");
  const path = join(dataDir, "agent-token");

  const first = loadOrCreateAgentToken(dataDir);
  expect(first).toEqual({ token: expect.stringMatching(/^qg-agent-[\w-]{32}$/), created: true });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).toBe(`${first.token}\n`);
  expect(loadOrCreateAgentToken(dataDir)).toEqual({ token: first.token, created: false });
  // An empty one would let everybody in.
  writeFileSync(path, "\n");
  expect(() => loadOrCreateAgentToken(dataDir)).toThrow("the file is empty");
  rmSync(folder, { recursive: true });
});
