// An upgrade replaces the file of a program that runs: what the gateway starts of itself is started all the same, and as the
// program that runs.

import { copyFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { serveOpenAICompatibleEmulator } from "../../src/emulator/openai-compatible-emulator.ts";
import { createPlace, ensureBuilt, type Place, startBinary } from "../support/binary.ts";
import { pdfUrl } from "../support/sample-files.ts";

setDefaultTimeout(30_000);

function createCopy(): Place {
  const place = createPlace();
  const executable = join(place.home, "qwen-gateway");
  ensureBuilt();
  copyFileSync(place.executable, executable);
  return { ...place, executable };
}

/** As package managers do it. */
function replace(executable: string): void {
  writeFileSync(`${executable}.new`, "#!/bin/sh\nexit 9\n", { mode: 0o755 });
  renameSync(`${executable}.new`, executable);
}

describe.skipIf(process.platform !== "linux")("after the executable was", () => {
  test.each([
    ["removed", rmSync],
    ["replaced", replace],
  ])("%s a PDF is read", async (_, upgrade) => {
    using place = createCopy();
    const server = serveOpenAICompatibleEmulator({ dialect: "vllm", hostname: "127.0.0.1", port: 0, tokenDelayMs: 0 });
    const environment = { PORT: "0", UPSTREAM_BASE_URL: `${server.url}/v1`, UPSTREAM_DIALECT: "vllm" };
    await using gateway = await startBinary([], environment, place);
    upgrade(place.executable);
    const file = { type: "file", file: { filename: "a.pdf", file_data: pdfUrl("Seven words") } };
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ messages: [{ role: "user", content: [file] }] }),
    });
    const told = await answer.text();
    await server.stop();

    expect([answer.status, told]).toEqual([200, expect.stringContaining("Seven words")]);
  });

  test.each([
    ["removed", rmSync],
    ["replaced", replace],
  ])("%s another worker takes the place of one that ends", async (_, upgrade) => {
    using place = createCopy();
    await using gateway = await startBinary([], { PORT: "0", WORKERS: "2" }, place);
    const listed = await gateway.line((line) => line.startsWith("2 workers: "));
    upgrade(place.executable);
    process.kill(Number(/\d+(?=,)/.exec(listed)?.[0]), "SIGKILL");

    const next = await gateway.line((line) => /"A worker (serves again|cannot start)"/.test(line));
    expect(next).toContain("A worker serves again");
  });
});
