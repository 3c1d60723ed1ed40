// Above a limit the answer is a refusal at once, in the client's own form, and whoever comes later is served again.

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveEmulator } from "../../src/emulator/qwen-web-emulator.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { speakRaw } from "../support/hostile/speak-raw.ts";
import { type LiveStream, readLive } from "../support/live-stream.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import { acceptedTurns, allTurns, answerTo, assistant, readError, untilAnswer, untilIdle, user } from "./client.ts";

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };

/** A stream that has begun and waits at a gate of its own. */
async function openStream(harness: Harness, gate: string, key?: string): Promise<LiveStream> {
  harness.emulator.script({ gate, reply: { text: "one two three" } });
  harness.emulator.release(gate, 2);
  const init = key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } };
  const live = readLive(await harness.chat(hello, init));
  await live.nextText();
  return live;
}

test("MAX_STREAMS refuses one more with 503 and a time to wait, streamed or whole, and asks the upstream nothing", async () => {
  await using harness = await startHarness({ environment: { MAX_STREAMS: "2" } });
  const first = await openStream(harness, "first");
  await openStream(harness, "second");
  const asked = harness.emulator.requests.length;

  const refused = [await harness.chat(hello), await harness.chat({ ...hello, stream: false })];

  for (const response of refused) {
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("x-should-retry")).toBeNull();
    const { status, error } = await readError(response);
    expect({ status, type: error.type, code: error.code }).toEqual({
      status: 503,
      type: "overloaded_error",
      code: "overloaded",
    });
    expect(error.message).toContain("MAX_STREAMS");
  }
  expect(harness.emulator.requests.length).toBe(asked);
  expect(await (await harness.get("/health/ready")).json()).toEqual({
    status: "degraded",
    reasons: ["replies-at-limit"],
  });
  await first.cancel();
  await untilAnswer(
    () => harness.chat({ ...hello, stream: false }),
    (response) => response.status === 200,
  );
  harness.emulator.release("second", "all");
  await untilIdle(harness);
});

test("a request that is refused for its own fault takes no place", async () => {
  await using harness = await startHarness({ environment: { MAX_STREAMS: "1" } });
  for (let index = 0; index < 3; index++) expect((await harness.chat({ messages: 1 })).status).toBe(400);

  expect(await answerTo(harness, [user("Say: still here")])).toBe("still here");
  await untilIdle(harness);
});

test("an upstream that refuses gives its place back", async () => {
  await using harness = await startHarness({ environment: { MAX_STREAMS: "1", RETRY_MAX_ATTEMPTS: "1" } });
  harness.emulator.script({ refuse: "rate-limited" }, { refuse: "bad-request" });
  expect((await harness.chat(hello)).status).toBe(429);
  expect((await harness.chat({ ...hello, stream: false })).status).toBeGreaterThanOrEqual(400);
  harness.emulator.reset();

  expect((await harness.chat({ ...hello, stream: false })).status).not.toBe(503);
});

test("MAX_STREAMS_PER_KEY bounds each key apart with 429", async () => {
  await using harness = await startHarness({
    environment: { MAX_STREAMS_PER_KEY: "1", API_KEY: "key-of-ann,key-of-bob" },
  });
  await openStream(harness, "ann", "key-of-ann");

  const refused = await harness.chat(hello, { headers: { authorization: "Bearer key-of-ann" } });
  const other = await openStream(harness, "bob", "key-of-bob");

  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await readError(refused)).toMatchObject({ status: 429, error: { code: "rate_limit_exceeded" } });
  harness.emulator.release("bob", "all");
  expect(await other.rest()).toEndWith("data: [DONE]\n\n");
  harness.emulator.release("ann", "all");
});

test("MAX_MESSAGES refuses a longer history with 400 that names the field, and takes one of that length", async () => {
  await using harness = await startHarness({ environment: { MAX_MESSAGES: "3" } });
  const history = [user("Hello"), assistant("Hi"), user("Say: fine")];

  expect(await answerTo(harness, history)).toBe("fine");
  const answer = await readError(await harness.chat({ ...hello, messages: [...history, assistant("fine")] }));

  expect(answer).toMatchObject({ status: 400, error: { param: "messages", code: "invalid_request" } });
  expect(answer.error.message).toContain("4 messages");
  expect(acceptedTurns(harness)).toHaveLength(1);
});

test("ten thousand messages and a hundred thousand are answered within the same breath, and neither stops the rest", async () => {
  await using harness = await startHarness();
  const many = Array.from({ length: 100_000 }, () => user("x"));

  const refused = await readError(await harness.chat({ ...hello, messages: many }));
  const taken = await harness.chat({ ...hello, stream: false, messages: many.slice(0, 10_000) });

  expect(refused.status).toBe(400);
  expect(taken.status).toBe(200);
  expect(allTurns(harness)).toHaveLength(1);
});

test("a runtime that takes few requests at a time is not given more: 503 instead of a silent queue", async () => {
  const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 });
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-cap-"));
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "..", "..", "src", "boot.ts")], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      DATA_DIR: folder,
      HOST: "127.0.0.1",
      PORT: "0",
      QWEN_TOKEN: "test-token",
      QWEN_BASE_URL: served.url,
      LOG_LEVEL: "silent",
      TRANSPORT: "fetch",
      BUN_CONFIG_MAX_HTTP_REQUESTS: "4",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const url = await listeningUrl(child.stdout);
    const chat = () => fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(hello) });
    const streams: LiveStream[] = [];
    for (const gate of ["first", "second", "third"]) {
      served.emulator.script({ gate, reply: { text: "one two three" } });
      served.emulator.release(gate, 2);
      const live = readLive(await chat());
      await live.nextText();
      streams.push(live);
    }

    const refused = await chat();
    const samples = parseMetrics(await (await fetch(`${url}/metrics`)).text());

    expect(refused.headers.get("retry-after")).toBe("1");
    const { status, error } = await readError(refused);
    expect(status).toBe(503);
    expect(error.code).toBe("overloaded");
    expect(error.message).toContain("BUN_CONFIG_MAX_HTTP_REQUESTS");
    expect(sumOf(samples, "qwen_gateway_upstream_requests")).toBe(3);
    expect(sumOf(samples, "qwen_gateway_upstream_requests_max")).toBe(4);
    // The slot that is kept free lets the stop call through while the streams hold the others.
    await streams[0]?.cancel();
    await served.emulator.until((requests) => requests.some(({ on, status }) => on === "stop" && status === 200));
    for (const gate of ["second", "third"]) served.emulator.release(gate, "all");
    for (const live of streams.slice(1)) expect(await live.rest()).toEndWith("data: [DONE]\n\n");
    const again = await untilAnswer(chat, (response) => response.status === 200);
    expect(await again.text()).toEndWith("data: [DONE]\n\n");
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    await served.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a gateway that is started from its source answers long heads in words as well", async () => {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-heads-"));
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "..", "..", "src", "boot.ts")], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, DATA_DIR: folder, PORT: "0", LOG_LEVEL: "silent" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const port = Number(new URL(await listeningUrl(child.stdout)).port);
    const head = `GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-A: ${"a".repeat(60_000)}\r\n\r\n`;
    const { statuses, text } = await speakRaw(port, head, { patienceMs: 15_000 });

    expect(statuses).toEqual([431]);
    expect(text).toContain('"code":"head_too_large"');
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  }
});

async function listeningUrl(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk);
    const url = /listens on (http:\S+)\n/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`it did not start: ${text}`);
}
