// A feed tells each part at the beginning, and again when it has changed.

import { expect, test } from "bun:test";
import { createEventStream } from "../../../src/pipeline/event-stream.ts";
import { type FeedPart, watchFeed } from "../../../src/pipeline/feed.ts";

test("watchFeed tells each part at the beginning, and a part again when it has changed", async () => {
  const now = { accounts: ["a1"], streams: [] as string[] };
  const parts: FeedPart[] = [
    ["accounts", () => now.accounts],
    ["streams", () => now.streams],
  ];
  const leaving = new AbortController();
  const feed = watchFeed(parts, 1, leaving.signal);

  expect((await feed.next()).value).toEqual({ accounts: ["a1"] });
  expect((await feed.next()).value).toEqual({ streams: [] });
  now.streams = ["s1"];
  expect((await feed.next()).value).toEqual({ streams: ["s1"] });
  now.accounts = ["a1", "a2"];
  now.streams = [];
  expect((await feed.next()).value).toEqual({ accounts: ["a1", "a2"] });
  expect((await feed.next()).value).toEqual({ streams: [] });
  leaving.abort();
  expect((await feed.next()).done).toBe(true);
});

test("watchFeed looks no more often than it is read, and tells what changed twice in between once", async () => {
  let looks = 0;
  let value = 0;
  const read = () => {
    looks++;
    return value;
  };
  const feed = watchFeed([["value", read]], 1, new AbortController().signal);

  expect((await feed.next()).value).toEqual({ value: 0 });
  value = 1;
  value = 2;
  expect(looks).toBe(1);
  expect((await feed.next()).value).toEqual({ value: 2 });
  await feed.return();
});

test("watchFeed ends with its signal in the midst of its wait, and tells nothing when it was aborted before", async () => {
  const leaving = new AbortController();
  const feed = watchFeed([["a", () => 1]], 60_000, leaving.signal);
  await feed.next();
  const waiting = feed.next();

  leaving.abort();

  expect((await waiting).done).toBe(true);
  expect(await Array.fromAsync(watchFeed([["a", () => 1]], 1, AbortSignal.abort()))).toEqual([]);
});

test("watchFeed takes the same frames as a chat, and a part that fails ends it with an error [R3-002]", async () => {
  let isBroken = false;
  const read = () => {
    if (isBroken) throw new Error("secret-1");
    isBroken = true;
    return [];
  };

  const body = await new Response(
    createEventStream(watchFeed([["accounts", read]], 1, new AbortController().signal)),
  ).text();

  expect(body).toMatch(/^: keepalive\n\nid: 1\ndata: \{"accounts":\[\]\}\n\nid: 2\ndata: \{"error":"[^"]+"\}\n\n$/);
  expect(body).not.toContain("secret-1");
});
