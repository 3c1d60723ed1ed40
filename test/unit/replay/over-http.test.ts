// Bodies as the server sends them: a client that hangs up ends its stream, one that comes back goes on where it was.

import { expect, test } from "bun:test";
import type { Replays } from "../../../src/replay/replays.ts";
import { BodyReader, idsIn, range, ToldSource, useStages } from "./stage.ts";

const { createStage } = useStages();

/** Starts a stream of that id at POST, and gives it from `after` on at GET. */
function serve(replays: Replays, source: ToldSource, resumable: boolean) {
  return Bun.serve({
    port: 0,
    async fetch(request) {
      if (request.method === "POST") return new Response(replays.start("me", "s1", source, { resumable }));
      const after = Number(new URL(request.url).searchParams.get("after"));
      return new Response(await replays.open("me", "s1", after));
    },
  });
}

async function read(url: URL | string, init: RequestInit = {}): Promise<BodyReader> {
  const { body } = await fetch(url, init);
  if (body === null) throw new Error("Expected a body");
  return new BodyReader(body);
}

test("a client that hangs up ends a stream that is not resumable", async () => {
  const { replays } = createStage();
  const cancelled = Promise.withResolvers<Error>();
  const source = new ToldSource().say();
  source.cancel = (reason) => cancelled.resolve(reason);
  await using server = serve(replays, source, false);
  const client = new AbortController();
  const reader = await read(server.url, { method: "POST", signal: client.signal });
  await reader.until("frame 1");

  client.abort();

  expect((await cancelled.promise).message).toBe("Nobody reads");
});

test("clients that come and go see each event once, and a burst goes through", async () => {
  const { replays } = createStage();
  const source = new ToldSource().say(3);
  await using server = serve(replays, source, true);
  const client = new AbortController();
  const first = await read(server.url, { method: "POST", signal: client.signal });
  await first.until("frame 3");
  client.abort();
  for (let count = 0; count < 100; count++) source.say(10, "x".repeat(1000));

  const second = await read(`${server.url}?after=3`);
  const third = await read(`${server.url}?after=0`);
  await second.until("id: 500\n");
  source.end();

  expect(idsIn(await second.toEnd())).toEqual(range(4, 1003));
  expect(idsIn(await third.toEnd())).toEqual(range(1, 1003));
});
