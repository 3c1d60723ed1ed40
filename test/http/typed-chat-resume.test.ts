// Coming back to an answer of the typed chat: what was missed, once; who hangs up, who stops, who may not look.

import { describe, expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { readLive } from "../support/live-stream.ts";
import { callsOf, readError, untilAnswer, untilIdle } from "./client.ts";
import { blocksUntil, parseTyped, postMessage, readMessages, readTyped, say } from "./typed-client.ts";

const quiet = { follow_ups: false, quality: false };

/** An answer that waits at a gate behind its first two deltas. */
async function begin(harness: Harness, more: object = {}) {
  harness.emulator.script({ gate: "held", reply: { chunks: ["one ", "two ", "three ", "four"] } });
  harness.emulator.release("held", 3);
  const controller = new AbortController();
  const body = { message: "Count", session_id: "s1", options: quiet, ...more };
  const response = await postMessage(harness, body, { signal: controller.signal });
  const streamId = response.headers.get("x-stream-id") ?? "";
  const live = readLive(response);
  const seen = await blocksUntil(live, '"two "');
  return { controller, live, streamId, seen: parseTyped(`${seen.join("\n\n")}\n\n`) };
}

const readOn = (harness: Harness, streamId: string, lastEventId?: number | string): Promise<Response> =>
  fetch(`${harness.url}/api/chat/stream/${streamId}`, {
    headers: lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) },
  });

test("a resumable answer goes on without its reader, who then gets exactly the rest [R3-077]", async () => {
  await using harness = await startHarness();
  const { controller, seen, streamId } = await begin(harness, { resumable: true });
  controller.abort();

  const resumed = await readOn(harness, streamId, seen.at(-1)?.id);
  harness.emulator.release("held", "all");
  const rest = await readTyped(resumed);

  expect(rest.frames[0]?.id).toBe((seen.at(-1)?.id ?? 0) + 1);
  expect(rest.text).toBe("three four");
  expect(rest.isDone).toBe(true);
  expect((await readMessages(harness, "s1")).at(-1)).toMatchObject({
    content: "one two three four",
    status: "complete",
  });
});

test("two readers of one answer see the same", async () => {
  await using harness = await startHarness();
  const { live, seen, streamId } = await begin(harness);

  const second = await readOn(harness, streamId);
  harness.emulator.release("held", "all");
  const [first, whole] = await Promise.all([live.rest(), readTyped(second)]);

  expect([...seen, ...parseTyped(first)]).toEqual([...whole.frames]);
  expect(whole.text).toBe("one two three four");
});

test("what has ended can be read again from any event on, also after a restart", async () => {
  await using harness = await startHarness();
  const answer = await say(harness, { message: "Say: all of it", session_id: "s1", options: quiet });
  const streamId = String(answer.opening["stream_id"]);
  await harness.restart();

  for (const after of [0, 1, answer.frames.length - 1, answer.frames.length]) {
    const text = await (await readOn(harness, streamId, after)).text();
    const frames = text === "" ? [] : parseTyped(text.endsWith("\n\n") ? text : `${text}\n\n`);
    expect(frames).toEqual(answer.frames.slice(after));
  }
  const byQuery = await harness.get(`/api/chat/stream/${streamId}?last_event_id=2`);
  expect((await readTyped(byQuery)).frames).toEqual(answer.frames.slice(2));
});

test("who has seen all of what has ended is told to stay away: an EventSource would come back for ever [R3-085]", async () => {
  await using harness = await startHarness();
  const { live, seen, streamId } = await begin(harness);
  const soon = await readOn(harness, streamId, seen.at(-1)?.id);
  harness.emulator.release("held", "all");
  const last = parseTyped(await live.rest()).at(-1)?.id ?? 0;

  expect(soon.status).toBe(200);
  expect((await readTyped(soon)).isDone).toBe(true);
  for (const after of [last, last + 1]) {
    const answer = await readOn(harness, streamId, after);
    expect([answer.status, answer.headers.get("x-stream-id"), await answer.text()]).toEqual([204, streamId, ""]);
    // A cache that kept it would answer readers who have not seen all.
    expect(answer.headers.get("cache-control")).toBe("no-cache");
  }
  expect((await readOn(harness, streamId, last - 1)).status).toBe(200);
  await harness.restart();
  expect((await readOn(harness, streamId, last)).status).toBe(204);
});

test("a reader who hangs up ends an answer that is not resumable, and its generation [R3-056] [R3-064]", async () => {
  await using harness = await startHarness();
  const { controller, streamId } = await begin(harness);

  controller.abort();
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop" && request.status !== 0));
  await untilIdle(harness);

  expect(callsOf(harness, "stop")).toHaveLength(1);
  const messages = await untilAnswer(
    () => readMessages(harness, "s1"),
    (all) => all.at(-1)?.status !== "running",
  );
  expect(messages.at(-1)).toMatchObject({ status: "stopped", content: "one two " });
  const again = await readTyped(await readOn(harness, streamId));
  expect(again.text).toBe("one two ");
  expect(again.error).toBe("The answer was ended since nobody read it any more: send the message again");
});

test("DELETE stops an answer: its readers are told, its generation ends, what was said is kept", async () => {
  await using harness = await startHarness();
  const { live, streamId } = await begin(harness, { resumable: true });

  const stop = () => fetch(`${harness.url}/api/chat/stream/${streamId}`, { method: "DELETE" });
  const first = await stop();
  const rest = parseTyped(await live.rest());
  const second = await stop();

  expect(await first.json()).toEqual({ stream_id: streamId, stopped: true });
  expect(Object.keys(rest.at(-1)?.event ?? {})).toEqual(["error"]);
  expect(await second.json()).toEqual({ stream_id: streamId, stopped: false });
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop" && request.status !== 0));
  const messages = await untilAnswer(
    () => readMessages(harness, "s1"),
    (all) => all.at(-1)?.status !== "running",
  );
  expect(messages.at(-1)).toMatchObject({ status: "stopped", content: "one two " });
});

describe("who may not read on", () => {
  test("an unknown stream is 404, a wrong id 400", async () => {
    await using harness = await startHarness();

    const unknown = await readError(await readOn(harness, "nope"));
    const wrong = await readError(await readOn(harness, "nope", "two"));
    // The header counts; what stands beside it has to be right all the same.
    const beside = await readError(
      await fetch(`${harness.url}/api/chat/stream/nope?last_event_id=-1`, { headers: { "last-event-id": "1" } }),
    );
    const stopped = await readError(await fetch(`${harness.url}/api/chat/stream/nope`, { method: "DELETE" }));

    expect(unknown).toMatchObject({ status: 404, error: { code: "not_found" } });
    expect(wrong).toMatchObject({ status: 400, error: { param: "Last-Event-ID" } });
    expect(beside).toMatchObject({ status: 400, error: { param: "last_event_id" } });
    expect(stopped.status).toBe(404);
  });

  test("another caller's stream, session and list are as unknown as ones that never were", async () => {
    await using harness = await startHarness({ environment: { API_KEY: "key-of-ann,key-of-ben" } });
    const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const body = { message: "Hello", session_id: "s1", options: quiet };
    const { opening } = await readTyped(await postMessage(harness, body, as("key-of-ann")));
    const ask = (path: string, key: string, method = "GET") => fetch(harness.url + path, { method, ...as(key) });
    const stream = `/api/chat/stream/${String(opening["stream_id"])}`;

    expect((await ask(stream, "key-of-ben")).status).toBe(404);
    expect((await ask(stream, "key-of-ben", "DELETE")).status).toBe(404);
    expect((await ask("/api/chat/sessions/s1", "key-of-ben")).status).toBe(404);
    expect((await ask("/api/chat/sessions/s1", "key-of-ben", "DELETE")).status).toBe(404);
    expect(await (await ask("/api/chat/sessions", "key-of-ben")).json()).toEqual({ data: [] });
    expect((await ask(stream, "key-of-ann")).status).toBe(200);
    expect((await ask(stream, "wrong")).status).toBe(401);
  });

  test("an answer that has expired is gone", async () => {
    let nowMs = 1_800_000_000_000;
    await using harness = await startHarness({ environment: { REPLAY_KEEP_MS: "1000" }, clock: () => nowMs });
    const { opening } = await say(harness, { message: "Hello", options: quiet });

    nowMs += 1500;
    const gone = await readError(await readOn(harness, String(opening["stream_id"])));

    expect(gone).toMatchObject({ status: 410, error: { code: "gone" } });
  });
});
