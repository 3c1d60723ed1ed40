// Forms that stream through: clients that leave or fall silent half-way, servers that refuse before they have read, and
// a gateway that stops.

import { expect, test } from "bun:test";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { until } from "../support/until.ts";
import { readError } from "./client.ts";

const path = "/v1/audio/transcriptions";
const head =
  '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
const encoder = new TextEncoder();

function startWith(url: string, environment: Readonly<Record<string, string>> = {}): Promise<Harness> {
  return startHarness({ environment: { UPSTREAM_BASE_URL: url, UPSTREAM_DIALECT: "vllm", ...environment } });
}

/** A form whose file is 2 MB and then waits for `rest`. */
function post(harness: Harness, rest: Promise<void>, signal?: AbortSignal): Promise<Response> {
  async function* body() {
    yield encoder.encode(head);
    yield new Uint8Array(2_000_000);
    await rest;
    yield encoder.encode("\r\n--b--\r\n");
  }
  return fetch(harness.url + path, {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=b" },
    body: body(),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function lineOf(harness: Harness, text: string): Promise<unknown> {
  const find = () =>
    harness.logLines.find((one) => one.includes('"surface":"audio/transcriptions"') && one.includes(text));
  await until(() => find() !== undefined);
  return JSON.parse(find() ?? "");
}

test("a client that leaves half-way ends the upload upstream, and is no failure", async () => {
  await using server = serveCompatible([], { [path]: { body: '{"text":"hello"}' } });
  await using harness = await startWith(server.url);
  const controller = new AbortController();
  const asked = post(harness, new Promise(() => {}), controller.signal).catch(() => "gone");
  await until(() => server.receivedBytes >= 2_000_000);
  controller.abort();

  expect(await asked).toBe("gone");
  await server.untilIdle();
  expect(await lineOf(harness, '"outcome"')).toMatchObject({ outcome: "aborted" });
});

test("a client that falls silent half-way is told so, and the upload upstream is ended", async () => {
  await using server = serveCompatible([], { [path]: { body: '{"text":"hello"}' } });
  await using harness = await startWith(server.url, { CLIENT_STALL_MS: "150" });
  const answer = await post(harness, new Promise(() => {}));

  const { status, error } = await readError(answer);
  expect([status, error.message]).toEqual([400, "Cannot read the request body: its client stopped sending"]);
  await server.untilIdle();
});

test("a refusal that comes before the form was read reaches the client", async () => {
  await using refusing = {
    server: Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      reusePort: false,
      fetch: () => Response.json({ error: { message: "Maximum file size exceeded" } }, { status: 413 }),
    }),
    [Symbol.asyncDispose]() {
      return this.server.stop(true);
    },
  };
  await using harness = await startWith(`${refusing.server.url.href}v1`);
  const body = new FormData();
  body.append("model", "m");
  body.append("file", new Blob([new Uint8Array(20_000_000)]), "a.wav");
  const answer = await fetch(harness.url + path, { method: "POST", body });

  expect([answer.status, (await readError(answer)).error.code]).toEqual([413, "too_large"]);
});

test("a server that nobody reaches has read nothing of a form: the next one is sent it", async () => {
  await using server = serveCompatible([], { [path]: { body: '{"text":"hello"}' } });
  const upstreams = JSON.stringify([
    { name: "gone", dialect: "vllm", base_url: "http://127.0.0.1:1/v1" },
    { name: "there", dialect: "vllm", base_url: server.url },
  ]);
  await using harness = await startHarness({ environment: { UPSTREAMS: upstreams } });
  const answer = await post(harness, Promise.resolve());

  expect([answer.status, answer.headers.get("x-upstream")]).toEqual([200, "there"]);
  expect(server.requests.find((asked) => asked.path === path)?.bytes.length).toBeGreaterThan(2_000_000);
});

test("a gateway that stops ends what is being passed on, in good order", async () => {
  const event = 'data: {"type":"transcript.text.delta","delta":"hel"}\n\n';
  await using server = serveCompatible([], { [path]: { body: event, after: "open" } });
  await using harness = await startWith(server.url, { DRAIN_TIMEOUT_MS: "50" });
  const answer = await post(harness, Promise.resolve());
  const text = answer.text();
  await harness.restart();

  expect(await text).toStartWith(`${event}\n\nevent: error\ndata: {"error":"The gateway is shutting down`);
  await server.untilIdle();
});
