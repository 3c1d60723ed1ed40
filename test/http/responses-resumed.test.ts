// Streams of responses in the background: they outlive their readers, and are read on from any event.

import { expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { type LiveStream, readLive } from "../support/live-stream.ts";
import { parseFrames } from "../support/sse-frames.ts";
import { parseResponseStream, type ResponseEvent } from "../support/response-frames.ts";
import { bodyOf, callsOf, readError, untilAnswer, untilIdle } from "./client.ts";
import { respond } from "./responses-client.ts";

const body = { model: "qwen3-max", stream: true, background: true, input: "Hello" };
const words = "one two three four five six seven eight";

interface Begun {
  readonly id: string;
  readonly live: LiveStream;
  /** Number of the last event that was read. */
  readonly last: number;
  readonly controller: AbortController;
}

/** Begins one that is held at a gate behind its first words. */
async function begin(harness: Harness): Promise<Begun> {
  harness.emulator.script({ gate: "held", reply: { text: words } });
  harness.emulator.release("held", 2);
  const controller = new AbortController();
  const live = readLive(await harness.post("/v1/responses", body, { signal: controller.signal }));
  let id = "";
  for (;;) {
    const frame = await live.next();
    if (frame === undefined) throw new Error("the stream ended");
    // The shape is what the tests assert.
    const event = JSON.parse(frame.data) as ResponseEvent & { response?: { id: string } };
    id ||= event.response?.id ?? "";
    if (event.type === "response.output_text.delta") {
      return { id, live, last: Number(event["sequence_number"]), controller };
    }
  }
}

const readOn = async (harness: Harness, id: string, query = ""): Promise<string> =>
  bodyOf(await harness.get(`/v1/responses/${id}?stream=true${query}`));

function eventsOf(text: string): ResponseEvent[] {
  // The shape is what the tests assert.
  return parseFrames(text).map(({ data }) => JSON.parse(data) as ResponseEvent);
}

async function statusOf(harness: Harness, id: string): Promise<unknown> {
  return (JSON.parse(await bodyOf(await harness.get(`/v1/responses/${id}`))) as { status: unknown }).status;
}

test("a stream goes on when its client has gone, and is read on from any event", async () => {
  await using harness = await startHarness();
  const { id, last, controller } = await begin(harness);
  controller.abort();
  expect(await statusOf(harness, id)).toBe("in_progress");
  const rest = readOn(harness, id, `&starting_after=${last}`);
  harness.emulator.release("held", 100);
  const after = eventsOf(await rest);

  expect(after.map((event) => event["sequence_number"])).toEqual(after.map((_, index) => last + 1 + index));
  const whole = parseResponseStream(await readOn(harness, id));
  expect(whole.text).toBe(words);
  expect(whole.events.slice(last + 1)).toEqual(after);
  expect(whole.response).toMatchObject({ id, status: "completed", background: true });
  expect(callsOf(harness, "stop")).toEqual([]);
});

test("it is read on after a restart, and gone on from", async () => {
  await using harness = await startHarness();
  const { id, text } = await respond(harness, { ...body, input: "Count from 1 to 9" });
  await harness.restart();

  expect(parseResponseStream(await readOn(harness, id)).text).toBe(text);
  expect(eventsOf(await readOn(harness, id, "&starting_after=3"))[0]).toMatchObject({ sequence_number: 4 });
  expect((await respond(harness, { input: "Say two", previous_response_id: id })).response["status"]).toBe("completed");
});

test("its id is told before its first word", async () => {
  await using harness = await startHarness({ environment: { HOLD_HEADERS_MS: "1" } });
  harness.emulator.script({ gate: "held", reply: { text: words } });
  const controller = new AbortController();
  const live = readLive(await harness.post("/v1/responses", body, { signal: controller.signal }));
  const [created] = eventsOf(`data: ${(await live.next())?.data}\n\n`) as (ResponseEvent & {
    response: { id: string };
  })[];
  expect(created).toMatchObject({ type: "response.created", sequence_number: 0, response: { status: "in_progress" } });
  controller.abort();

  const rest = readOn(harness, created?.response.id ?? "", "&starting_after=0");
  harness.emulator.release("held", 100);
  const events = eventsOf(await rest);
  expect(events.map((event) => event["sequence_number"])).toEqual(events.map((_, index) => index + 1));
  expect(parseResponseStream(await readOn(harness, created?.response.id ?? "")).text).toBe(words);
});

test("it is ended when its session is deleted before its first word", async () => {
  await using harness = await startHarness();
  const headers = { "x-session-id": "mine" };
  await respond(harness, { input: "Hi" }, headers);
  harness.emulator.script({ gate: "held", reply: { text: words } });
  const answer = harness.post("/v1/responses", body, { headers });
  await harness.emulator.until((requests) => requests.filter(({ on }) => on === "completions").length === 2);
  await fetch(`${harness.url}/v1/sessions/mine`, { method: "DELETE" });
  harness.emulator.release("held", 3);
  const [id] = /resp_[0-9a-f]{32}/.exec(await bodyOf(await answer)) ?? [];
  await untilIdle(harness);

  expect(id).toStartWith("resp_");
  expect(callsOf(harness, "stop")).toHaveLength(1);
  expect((await harness.get(`/v1/responses/${id}`)).status).toBe(404);
  expect((await harness.get(`/api/chat/stream/${id}`)).status).toBe(410);
});

test("it is cancelled for all its readers, and at Qwen", async () => {
  await using harness = await startHarness();
  const { id, live, last } = await begin(harness);
  const cancelled = await harness.post(`/v1/responses/${id}/cancel`, {});

  expect(JSON.parse(await bodyOf(cancelled))).toMatchObject({ id, status: "cancelled" });
  const [end] = eventsOf(await live.rest());
  expect(end).toMatchObject({
    type: "response.failed",
    sequence_number: last + 1,
    response: { id, status: "cancelled" },
  });
  await harness.emulator.until((requests) => requests.some((request) => request.on === "stop" && request.status !== 0));
  await untilIdle(harness);
  expect(await statusOf(harness, id)).toBe("cancelled");
});

test("a gateway that is stopped ends it with an error and response.failed", async () => {
  await using harness = await startHarness({ environment: { DRAIN_TIMEOUT_MS: "10" } });
  const { id } = await begin(harness);
  await harness.restart();

  const [error, end] = eventsOf(await readOn(harness, id)).slice(-2);
  expect(error).toMatchObject({ type: "error", code: "overloaded", error: { code: "overloaded" } });
  expect(end).toMatchObject({
    type: "response.failed",
    sequence_number: Number(error?.["sequence_number"]) + 1,
    response: { id },
  });
  expect(await statusOf(harness, id)).toBe("failed");
});

test("a refusal before the first word is a status, and nothing is kept", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ refuse: "rate-limited" });
  expect((await readError(await harness.post("/v1/responses", body))).status).toBe(429);
});

test("deleting it ends it, and what is kept of it", async () => {
  await using harness = await startHarness();
  const { id, live } = await begin(harness);
  expect((await fetch(`${harness.url}/v1/responses/${id}`, { method: "DELETE" })).status).toBe(200);
  await live.rest();
  await untilIdle(harness);
  expect((await harness.get(`/v1/responses/${id}?stream=true`)).status).toBe(404);
});

test("others cannot be read on, and say why", async () => {
  await using harness = await startHarness();
  const { id } = await respond(harness, { input: "Say one" });
  const errors = await Promise.all(
    [
      `${id}?stream=true`,
      `${id}?stream=true&starting_after=x`,
      `${id}?stream=yes`,
      `${id}?starting_after=x`,
      "resp_x?stream=true",
    ].map(async (rest) => readError(await harness.get(`/v1/responses/${rest}`))),
  );

  expect(errors.map(({ status, error }) => [status, error.param])).toEqual([
    [400, "stream"],
    [400, "starting_after"],
    [400, "stream"],
    [400, "starting_after"],
    [404, null],
  ]);
});

test("one that was begun in the background without a stream says so", async () => {
  await using harness = await startHarness();
  const { id } = await respond(harness, { stream: false, background: true, input: "Say one" });
  const { status, error } = await readError(await harness.get(`/v1/responses/${id}?stream=true`));
  expect([status, error.param]).toEqual([404, "stream"]);
  expect(error.message).toContain('it was begun without "stream", or its stream is not kept any more');
});

test("STREAM=false answers it whole, and keeps it", async () => {
  await using harness = await startHarness({ environment: { STREAM: "false" } });
  const { id, response } = await respond(harness, { ...body, input: "Count from 1 to 3" });

  expect(response["status"]).toBe("completed");
  await untilAnswer(
    () => statusOf(harness, id),
    (status) => status === "completed",
  );
});
