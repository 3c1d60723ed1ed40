// An upgrade replaces the file of a program that runs: what the gateway starts of itself is started all the same.

import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { serveOpenAICompatibleEmulator } from "../../src/emulator/openai-compatible-emulator.ts";
import { createPlace, ensureBuilt, startBinary } from "../support/binary.ts";
import { pdfUrl } from "../support/sample-files.ts";

setDefaultTimeout(30_000);

test.skipIf(process.platform !== "linux")("a PDF is read after the executable was removed", async () => {
  using place = createPlace();
  const executable = join(place.home, "qwen-gateway");
  ensureBuilt();
  copyFileSync(place.executable, executable);
  const server = serveOpenAICompatibleEmulator({ dialect: "vllm", hostname: "127.0.0.1", port: 0, tokenDelayMs: 0 });
  const environment = { PORT: "0", UPSTREAM_BASE_URL: `${server.url}/v1`, UPSTREAM_DIALECT: "vllm" };
  await using gateway = await startBinary([], environment, { ...place, executable });
  rmSync(executable);
  const file = { type: "file", file: { filename: "a.pdf", file_data: pdfUrl("Seven words") } };
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ messages: [{ role: "user", content: [file] }] }),
  });
  const told = await answer.text();
  await server.stop();

  expect([answer.status, told]).toEqual([200, expect.stringContaining("Seven words")]);
});
