// POST /v1/images/generations on the web backend: OpenAI's request and answer on either side of a turn of the kind t2i.

import { expect, test } from "bun:test";
import OpenAI from "openai";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { startHarness } from "../support/harness.ts";
import { until } from "../support/until.ts";
import { bodyOf, callsOf, readError } from "./client.ts";

const picture = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]);

/** A store of pictures, reached by the settings: what is neither public nor set is refused. */
function servePictures() {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch: ({ url }) =>
      url.endsWith("/cat.png")
        ? new Response(picture, { headers: { "content-type": "image/png" } })
        : url.endsWith("/moved.png")
          ? new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/cat.png" } })
          : new Response("", { status: 404 }),
  });
  return { origin: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("the official client gets the address of a picture, made by a turn of its own", async () => {
  await using harness = await startHarness();
  const client = new OpenAI({ baseURL: `${harness.url}/v1`, apiKey: "none", maxRetries: 0 });
  const made = await client.images.generate({ model: "dall-e-3", prompt: "a cat", size: "1792x1024" });

  expect(made.created).toBeGreaterThan(1_700_000_000);
  expect(made.data?.map(({ url }) => url)).toEqual([
    expect.stringMatching(/^https:\/\/cdn\.example\.invalid\/.+\.png/),
  ]);
  const turn = harness.emulator.requests.find(({ on }) => on === "completions");
  expect(turn?.body).toMatchObject({
    size: "16:9",
    stream: true,
    model: "qwen3-max",
    messages: [{ content: "a cat", chat_type: "t2i", sub_chat_type: "t2i" }],
  });
});

test("words without end in the place of a picture are given up, and their turn is stopped", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { images: [], chunks: ["x".repeat(4 * 1024 * 1024)], repeat: 1_000_000 } });
  const answer = await readError(await harness.post("/v1/images/generations", { prompt: "a cat" }));

  expect(answer).toMatchObject({ status: 502, error: { message: expect.stringContaining("longer than 32 MiB") } });
  await until(() => harness.emulator.requests.some(({ on }) => on === "stop"));
});

test("n pictures are n turns in chats of their own", async () => {
  await using harness = await startHarness();
  const answer = await harness.post("/v1/images/generations", { prompt: "a cat", n: 3 });

  const { data } = JSON.parse(await bodyOf(answer)) as { data: { url: string }[] };
  expect(new Set(data.map(({ url }) => url)).size).toBe(3);
  const turns = harness.emulator.requests.filter(({ on }) => on === "completions");
  expect(new Set(turns.map(({ query }) => query["chat_id"])).size).toBe(3);
});

test.each<[string, ScriptEntry]>([
  ["is refused", { refuse: "internal-error" }],
  ["fails in its stream", { reply: { text: "", faults: [{ kind: "error-text", text: "Internal error!" }] } }],
])("a picture that %s leaves one chat, however often it is asked for", async (_what, entry) => {
  await using harness = await startHarness();
  harness.emulator.script({ ...entry, times: 6 });
  for (const _ of [1, 2]) {
    expect((await readError(await harness.post("/v1/images/generations", { prompt: "a cat" }))).status).toBe(502);
  }
  await bodyOf(await harness.post("/v1/images/generations", { prompt: "a cat" }));
  expect(callsOf(harness, "completions")).toHaveLength(7);
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
  await bodyOf(await harness.post("/v1/images/generations", { prompt: "a cat" }));
  expect(callsOf(harness, "chats/new")).toHaveLength(2);
});

test("a picture whose spare chat is gone is made in a new one", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ refuse: "internal-error", times: 3 });
  await readError(await harness.post("/v1/images/generations", { prompt: "a cat" }));
  harness.emulator.script({ refuse: "chat-not-exist" });
  await bodyOf(await harness.post("/v1/images/generations", { prompt: "a cat" }));
  expect(callsOf(harness, "chats/new")).toHaveLength(2);
});

test("b64_json is the picture itself, fetched only when it is asked for", async () => {
  await using pictures = servePictures();
  await using harness = await startHarness({ environment: { QWEN_UPLOAD_URL: pictures.origin } });
  harness.emulator.script({ reply: { images: [`${pictures.origin}/cat.png`], text: "" } });
  const answer = await harness.post("/v1/images/generations", { prompt: "a cat", response_format: "b64_json" });

  expect(JSON.parse(await bodyOf(answer))).toMatchObject({
    data: [{ b64_json: Buffer.from(picture).toString("base64") }],
  });
});

test.each([
  ["an address of this machine", "http://127.0.0.1:1/cat.png"],
  ["a private address", "https://10.0.0.1/cat.png"],
  ["a name of this machine", "https://localhost:1/cat.png"],
])("%s is never fetched, and the error does not tell it", async (_, address) => {
  await using harness = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
  harness.emulator.script({ times: "always", reply: { images: [address], text: "" } });
  const answer = await harness.post("/v1/images/generations", { prompt: "a cat", response_format: "b64_json" });

  const { status, text } = await readError(answer);
  expect(status).toBe(502);
  expect(text).not.toContain("cat.png");
});

test("a trusted address that sends elsewhere is followed to public addresses alone", async () => {
  await using pictures = servePictures();
  await using harness = await startHarness({
    environment: { QWEN_UPLOAD_URL: pictures.origin, RETRY_MAX_ATTEMPTS: "1" },
  });
  harness.emulator.script({ times: "always", reply: { images: [`${pictures.origin}/moved.png`], text: "" } });
  const answer = await harness.post("/v1/images/generations", { prompt: "a cat", response_format: "b64_json" });

  expect((await readError(answer)).status).toBe(502);
});

test.each([
  [{ prompt: "" }, "prompt"],
  [{ prompt: "a", n: 5 }, "n"],
  [{ prompt: "a", size: "100x1000" }, "size"],
  [{ prompt: "a", response_format: "png" }, "response_format"],
  [{ prompt: "a", stream: true }, "stream"],
  [{ prompt: "a", background: "transparent" }, "background"],
  [{ prompt: "a", output_format: "webp" }, "output_format"],
])("%p is refused by the name of its field, before a chat is made", async (body, param) => {
  await using harness = await startHarness();
  const { status, error } = await readError(await harness.post("/v1/images/generations", body));

  expect([status, error.param, error.code]).toEqual([400, param, "invalid_request"]);
  expect(harness.emulator.requests.some(({ on }) => on === "chats/new")).toBe(false);
});

test("an account at its limit is told with its time, and another one takes over where there is one", async () => {
  const accounts = JSON.stringify([{ alias: "second", token: "second-token" }]);
  await using harness = await startHarness({ environment: { QWEN_ACCOUNTS: accounts } });
  harness.emulator.script({ account: "test-token", times: "always", refuse: "rate-limited" });
  const answer = await harness.post("/v1/images/generations", { prompt: "a cat" });
  expect(answer.status).toBe(200);

  await using alone = await startHarness({ environment: { RETRY_MAX_ATTEMPTS: "1" } });
  alone.emulator.script({ times: "always", refuse: "rate-limited" });
  const refused = await readError(await alone.post("/v1/images/generations", { prompt: "a cat" }));
  expect([refused.status, refused.error.code]).toEqual([429, "upstream_quota"]);
});

test("a client that hangs up stops the picture that is being made", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ gate: "never", reply: { images: ["https://example.com/cat.png"], text: "" } });
  const controller = new AbortController();
  const asked = harness
    .post("/v1/images/generations", { prompt: "a cat" }, { signal: controller.signal })
    .catch(() => "gone");
  await harness.emulator.until((requests) => requests.some(({ on }) => on === "completions"));
  controller.abort();

  expect(await asked).toBe("gone");
  await harness.emulator.until((requests) => requests.some(({ on, aborted }) => on === "completions" && aborted));
});
