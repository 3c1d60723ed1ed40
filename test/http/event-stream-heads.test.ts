// The head of every event stream, over a bare socket: fetch hides what is said about the connection.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { type OpenapiDocument, operationsOf } from "../support/openapi.ts";
import { user } from "./client.ts";

interface StreamRequest {
  readonly route: string;
  /** Where `route` has a parameter. */
  readonly path?: string;
  readonly body?: object;
}

const hello = { model: "qwen3-max", stream: true, messages: [user("Hello")] };
const greeting = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } };
const requests: readonly StreamRequest[] = [
  { route: "POST /v1/chat/completions", body: hello },
  { route: "POST /v1/completions", body: { model: "qwen3-max", stream: true, prompt: "Hello" } },
  { route: "POST /v1/messages", body: { ...hello, max_tokens: 100 } },
  { route: "POST /v1/responses", body: { model: "qwen3-max", stream: true, input: "Hello" } },
  { route: "POST /api/chat/stream", body: { message: "Hello" } },
  { route: "GET /api/feed" },
  { route: "POST /api/documents", body: { name: "a.txt", text: "Something to be found" } },
  { route: "POST /api/agent/stream", body: { query: "Hello" } },
  { route: "POST /api/voice/llm/stream", body: { query: "Hello" } },
  { route: "POST /mcp", body: { jsonrpc: "2.0", id: 1, method: "initialize", params: greeting } },
  { route: "GET /admin/api/log" },
];
/** Passed on from an upstream: the document leaves their answers to it. */
const forwarded: readonly StreamRequest[] = [
  { route: "POST /v1/images/generations", body: { model: "one/m", prompt: "A cat", stream: true } },
  { route: "POST /v1/audio/speech", body: { model: "one/m", input: "Hello", voice: "a", stream_format: "sse" } },
];
/** They answer a question of the agent, by the function that answers `/api/agent/stream`. */
const answeringQuestions = ["POST /api/agent/confirm", "POST /api/voice/confirm"];
const resumed = ["GET /v1/responses/{id}", "GET /api/chat/stream/{id}"];

const event = { body: 'data: {"type":"speech.audio.delta","audio":"YQ=="}\n\n' };
const routes = { "/v1/images/generations": event, "/v1/audio/speech": event };
const server = serveCompatible([], routes);
let harness: Harness;

beforeAll(async () => {
  const upstreams = [{ name: "one", dialect: "generic", base_url: server.url }];
  harness = await startHarness({ environment: { AGENT_OPEN: "true", UPSTREAMS: JSON.stringify(upstreams) } });
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** The lines of an answer's head, in small letters. */
async function readHead({ route, path, body }: StreamRequest): Promise<readonly string[]> {
  const { hostname, port, host } = new URL(harness.url);
  const [method, place] = route.split(" ");
  const text = body === undefined ? "" : JSON.stringify(body);
  const head = `${method} ${path ?? place} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json, text/event-stream\r\n`;
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_, chunk) {
        received += chunk.toString("latin1");
        if (received.includes("\r\n\r\n")) resolve(received.slice(0, received.indexOf("\r\n\r\n")));
      },
      close: () => resolve(received),
    },
  });
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  const answer = await promise;
  socket.end();
  return answer.toLowerCase().split("\r\n");
}

function expectFourHeaders(lines: readonly string[]): void {
  expect(lines[0]).toBe("http/1.1 200 ok");
  const valuesOf = (name: string) => lines.filter((line) => line.startsWith(`${name}: `));
  expect(valuesOf("content-type")).toEqual([expect.stringMatching(/^content-type: text\/event-stream(?:;|$)/)]);
  expect(valuesOf("cache-control")).toEqual([expect.stringMatching(/^cache-control: no-cache(?:,|$)/)]);
  expect(valuesOf("connection")).toEqual(["connection: keep-alive"]);
  expect(valuesOf("x-accel-buffering")).toEqual(["x-accel-buffering: no"]);
}

test.each([...requests, ...forwarded])(
  "$route sends the four headers of an event stream [R0-002, R0-003, R0-004, R0-005, R0-006, R0-007]",
  async (request) => {
    expectFourHeaders(await readHead(request));
  },
);

test("a stream that is read on sends the same [R0-007]", async () => {
  const background = await harness.post("/v1/responses", { input: "Hello", background: true, stream: true });
  const [, id] = /"id":"(resp_[^"]+)"/.exec(await background.text()) ?? [];
  const typed = await harness.post("/api/chat/stream", { message: "Hello", resumable: true });
  await typed.text();
  const streamId = typed.headers.get("x-stream-id");

  expectFourHeaders(await readHead({ route: "GET", path: `/v1/responses/${id}?stream=true` }));
  expectFourHeaders(await readHead({ route: "GET", path: `/api/chat/stream/${streamId}` }));
});

test("no route that is documented to stream is left out here [R0-007]", async () => {
  const operations = operationsOf((await (await harness.get("/openapi.json")).json()) as OpenapiDocument);
  const streaming = operations
    .filter(({ responses }) => Object.values(responses).some(({ content }) => content?.["text/event-stream"]))
    .map(({ method, path }) => `${method} ${path}`);

  const asked = requests.map(({ route }) => route);
  expect(streaming.toSorted()).toEqual([...asked, ...resumed, ...answeringQuestions].toSorted());
});
