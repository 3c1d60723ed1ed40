// The upstream of a capture: its answers in their order and their time.

import { expect, test } from "bun:test";
import { parseCapture } from "../../../src/capture/format.ts";
import { createRecordedUpstream } from "../../../src/emulator/recorded-upstream.ts";

const opening = {
  type: "capture",
  version: 1,
  gateway: "0",
  requestId: "req_1",
  startedAt: "2026-01-01T00:00:00.000Z",
};
const address = "https://a.example/compatible-mode/v1/chat/completions";

function create(lines: readonly object[], speed = 0) {
  const text = [opening, ...lines].map((line) => JSON.stringify(line)).join("\n");
  const asked: string[] = [];
  const recorded = createRecordedUpstream({
    file: parseCapture(text),
    speed,
    async fallback(wire, request) {
      asked.push(`${wire} ${request.method} ${new URL(request.url).pathname}`);
      return new Response("not recorded");
    },
  });
  const post = (path: string, signal?: AbortSignal) =>
    recorded.fetch(
      new Request(`http://localhost${path}`, { method: "POST", ...(signal === undefined ? {} : { signal }) }),
    );
  return { recorded, asked, post };
}

function call(number: number, atMs: number, answer: readonly object[]): object[] {
  const request = { type: "request", method: "POST", url: address, headers: [], wire: "openai-compatible" };
  const body = { type: "bytes", of: "request", text: '{"model":"qwen-plus","messages":[]}' };
  return [request, body, ...answer].map((line) => ({ atMs, call: number, ...line }));
}

const ok = (text: string): object[] => [
  {
    type: "answer",
    status: 200,
    headers: [
      ["content-type", "text/plain"],
      ["content-length", "999"],
      ["set-cookie", "[redacted]"],
    ],
  },
  { type: "bytes", of: "answer", text },
  { type: "end", of: "answer", how: "complete" },
];

test("answers come in the order in which they were given, the last one for all that follow", async () => {
  const { recorded, post } = create([...call(1, 0, ok("first")), ...call(2, 5, ok("second"))]);
  const path = "/compatible-mode/v1/chat/completions";

  const texts = [];
  for (let turn = 0; turn < 3; turn++) texts.push(await (await post(`${path}?n=${turn}`)).text());

  expect(texts).toEqual(["first", "second", "second"]);
  expect(recorded).toMatchObject({
    basePath: "/compatible-mode/v1",
    models: ["qwen-plus"],
    wires: ["openai-compatible"],
    cutCalls: [],
  });
});

test("headers are the recorded ones, but for what belongs to the connection or was blacked out", async () => {
  const { post } = create(call(1, 0, ok("first")));

  const response = await post("/compatible-mode/v1/chat/completions");

  expect([...response.headers]).toEqual([["content-type", "text/plain"]]);
});

test("what was not recorded is asked elsewhere, in the only form that was", async () => {
  const { asked, post } = create(call(1, 0, ok("first")));
  await post("/api/v2/chats/new");

  expect(asked).toEqual(["openai-compatible POST /api/v2/chats/new"]);
});

test("what was not recorded is asked elsewhere, by its path where there are both forms", async () => {
  const web = {
    type: "request",
    atMs: 1,
    call: 2,
    method: "POST",
    url: "https://b.example/api/x",
    headers: [],
    wire: "qwen-web",
  };
  const { asked, post } = create([...call(1, 0, ok("first")), web]);
  await post("/api/v2/chats/new");
  await post("/v1/models");

  expect(asked).toEqual(["qwen-web POST /api/v2/chats/new", "openai-compatible POST /v1/models"]);
});

test("chunks keep their time, divided by the speed", async () => {
  const { post } = create(
    call(1, 0, [
      { type: "answer", status: 200, headers: [], atMs: 200 },
      { type: "bytes", of: "answer", text: "a", atMs: 300 },
      { type: "bytes", of: "answer", text: "b", atMs: 600 },
      { type: "end", of: "answer", how: "complete", atMs: 600 },
    ]),
    10,
  );
  const since = performance.now();
  const response = await post("/compatible-mode/v1/chat/completions");
  const headMs = performance.now() - since;

  expect(await response.text()).toBe("ab");

  expect(headMs).toBeGreaterThanOrEqual(19);
  expect(performance.now() - since).toBeGreaterThanOrEqual(59);
});

test("a body that was cut, or broke off, breaks off", async () => {
  const cut = [...ok("half").slice(0, 2), { type: "cut", of: "answer", chunks: 1, bytes: 9 }];
  const { recorded, post } = create(call(7, 0, cut));

  const response = await post("/compatible-mode/v1/chat/completions");

  expect(recorded.cutCalls).toEqual([7]);
  const told = await response.text().then(
    () => "whole",
    () => "broken off",
  );
  expect(told).toBe("broken off");
});

test("an answer that its reader gave up stays open until this reader does", async () => {
  const { post } = create(call(1, 0, [...ok("half").slice(0, 2), { type: "end", of: "answer", how: "given-up" }]));
  const leave = new AbortController();
  const response = await post("/compatible-mode/v1/chat/completions", leave.signal);
  const reader = response.body!.getReader();
  await reader.read();
  const next = reader.read().then(({ done }) => done);

  expect(await Promise.race([next, new Promise((resolve) => setImmediate(resolve, "open"))])).toBe("open");
  leave.abort();
  expect(await next).toBe(true);
});
