// Idle connections where descriptors run out: they go, those that wait for an answer stay.

import { afterAll, expect, test } from "bun:test";
import { createIdleConnections } from "../../../src/server/idle-connections.ts";
import { listen } from "../../../src/server/listen.ts";
import { createLog } from "../../../src/telemetry/create-log.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { speakRaw } from "../../support/hostile/speak-raw.ts";

const asked = Promise.withResolvers<void>();
const answer = Promise.withResolvers<void>();
const server = listen({ hostname: "127.0.0.1", port: 0 }, async ({ url }) => {
  if (!url.endsWith("/slow")) return new Response("at once");
  asked.resolve();
  await answer.promise;
  return new Response("at last", { headers: { connection: "close" } });
});
afterAll(() => server.stop(true));

function ask(path: string) {
  return speakRaw(server.port ?? 0, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
}

test("where hardly a descriptor is left, idle connections are closed, and one that waits for its answer is not", async () => {
  const lines: string[] = [];
  const log = createLog({ level: "warn", format: "json", write: (line) => void lines.push(line) });
  const idle = createIdleConnections({ server, limit: 128, open: () => 112, log });
  await fetch(server.url);
  const slow = ask("/slow");
  await asked.promise;
  idle.look();
  idle.look();
  answer.resolve();

  expect((await slow).text).toEndWith("at last");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ message: expect.stringContaining('raise "ulimit -n"'), limit: 128, connections: 1 }),
  ]);
});

test.each([
  [128, 111],
  [10_000, 8_999],
  [Number.POSITIVE_INFINITY, 100_000],
  [undefined, 100_000],
])("with a limit of %p and %p in use none is closed", (limit, used) => {
  let closed = 0;
  const counting = { closeIdleConnections: () => ++closed };
  createIdleConnections({ server: counting, limit, open: () => used, log: silentLog }).look();

  expect(closed).toBe(0);
});
