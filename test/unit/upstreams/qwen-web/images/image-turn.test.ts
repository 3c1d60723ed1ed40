// One picture, as the backend may tell of it: a stream of its phase, a JSON answer, or a job that has to be asked for.

import { expect, test } from "bun:test";
import { createFetchClient } from "../../../../../src/outbound/fetch-client.ts";
import { createQwenWebClient } from "../../../../../src/upstreams/qwen-web/client.ts";
import { makeImage } from "../../../../../src/upstreams/qwen-web/images/image-turn.ts";
import { parseAccount } from "../../../../../src/upstreams/qwen-web/accounts/parse-account.ts";
import { createSpareChats } from "../../../../../src/upstreams/qwen-web/spare-chats.ts";

const address = "https://cdn.qwenlm.ai/output/a/t2i/b/1.png?key=c";
const account = parseAccount({ token: "test-token", cookies: undefined });
const accepted = (data: object) => Response.json({ success: true, data });
const events = (...texts: readonly string[]) =>
  new Response(texts.map((text) => `data: ${text}\n\n`).join(""), {
    headers: { "content-type": "text/event-stream" },
  });
const created = '{"response.created":{"chat_id":"c","parent_id":"p","response_id":"r"}}';
const delta = (content: string, status: string, phase = "image_gen") =>
  JSON.stringify({ choices: [{ delta: { role: "assistant", content, phase, status } }], response_id: "r" });

/** A backend that answers a completion so, and the questions for its job one after the other. */
async function make(
  completion: () => Response,
  statuses: readonly object[] = [],
  spareChats = createSpareChats(Date.now),
) {
  const asked: string[] = [];
  let questions = 0;
  let signs = 0;
  const http = createFetchClient(async (request) => {
    const { pathname } = new URL(request.url);
    asked.push(`${request.method} ${pathname}`);
    if (pathname === "/api/v2/chats/new") return accepted({ id: "c" });
    if (pathname.startsWith("/api/v2/task/status/")) return accepted(statuses[questions++] ?? {});
    return completion();
  });
  const client = createQwenWebClient({
    http,
    baseUrl: "https://qwen.test",
    chatTitle: "Test",
    userAgent: "test",
    clock: Date.now,
  });
  const url = await makeImage(
    { client, maxLineBytes: 100_000, clock: Date.now, spareChats, pollMs: 1 },
    {
      account,
      model: "qwen3-max",
      prompt: "a cat",
      caller: "somebody",
      size: "1:1",
      signal: new AbortController().signal,
      alive: () => void signs++,
    },
  );
  return { url, asked, signs };
}

const job = () => accepted({ messages: [{ role: "assistant", content: "", extra: { wanx: { task_id: "t1" } } }] });

test.each(["image_gen", "image"])("a stream of the phase %s tells the address", async (phase) => {
  const { url, signs } = await make(() =>
    events(
      created,
      '{"response.info":{"action":"keep_alive"}}',
      delta(address, "typing", phase),
      delta("", "finished", phase),
    ),
  );

  expect(url).toBe(address);
  expect(signs).toBeGreaterThan(1);
});

test("a job is asked for until it is done", async () => {
  const { url, asked } = await make(job, [
    { task_status: "running", content: "" },
    { task_status: "running", content: "" },
    { task_status: "success", content: address },
  ]);

  expect(url).toBe(address);
  expect(asked.filter((line) => line === "GET /api/v2/task/status/t1")).toHaveLength(3);
});

test.each<[string, () => Response, object[]]>([
  ["a job that failed", job, [{ task_status: "failed", content: "" }]],
  ["a job that made nothing", job, [{ task_status: "success", content: "" }]],
  ["a stream without a picture", () => events(created, delta("I cannot draw this.", "finished", "answer")), []],
])("%s is an error", async (_, completion, statuses) => {
  await expect(make(completion, statuses)).rejects.toMatchObject({ kind: "upstream-failed", retryable: false });
});

test("a stream that breaks off is an error that may pass", async () => {
  await expect(make(() => events(created))).rejects.toMatchObject({ kind: "upstream-failed", retryable: true });
});

test("a refusal within the stream is classified", async () => {
  const refusal = '{"error":{"code":"RateLimited","details":"no more pictures today"},"response_id":"r"}';
  await expect(make(() => events(created, refusal))).rejects.toMatchObject({ kind: "upstream-quota" });
});

test("a stream with a line that is too long is an error at once", async () => {
  await expect(make(() => events(created, "x".repeat(100_001)))).rejects.toThrow("a line is longer than 100000 bytes");
});

test("a chat that a stream tells to be gone serves no repetition", async () => {
  const spareChats = createSpareChats(Date.now);
  const gone = '{"error":{"code":"chat_not_found","details":"gone"},"response_id":"r"}';
  await expect(make(() => events(created, gone), [], spareChats)).rejects.toMatchObject({ retryable: true });

  const { asked } = await make(() => events(created, delta(address, "finished")), [], spareChats);
  expect(asked).toContain("POST /api/v2/chats/new");
});
