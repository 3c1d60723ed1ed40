// Responses in the background: begun at once, looked at later, cancelled, and failed where their process did not end them.

import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { type Harness, startHarness } from "../support/harness.ts";
import { allTurns, bodyOf, callsOf, readError, untilAnswer, untilIdle } from "./client.ts";
import { readAnswer, respond } from "./responses-client.ts";

type Told = Readonly<Record<string, unknown>>;

const later = { stream: false, background: true };

async function read(harness: Harness, id: string): Promise<Told> {
  // The shape is what the tests assert.
  return JSON.parse(await bodyOf(await harness.get(`/v1/responses/${id}`))) as Told;
}

const ended = (harness: Harness, id: string): Promise<Told> =>
  untilAnswer(
    () => read(harness, id),
    ({ status }) => status !== "in_progress",
  );

const cancel = (harness: Harness, id: string) => harness.post(`/v1/responses/${id}/cancel`, {});

/** Begins one whose upstream waits at a gate. */
async function beginHeld(harness: Harness): Promise<string> {
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 2);
  const { id, response } = await respond(harness, { ...later, input: "Hello" });
  expect(response).toMatchObject({ status: "in_progress", background: true, output: [], usage: null });
  await harness.emulator.until((requests) => requests.some((request) => request.on === "completions"));
  return id;
}

describe("background", () => {
  test("is told at once, and has its answer later; then it can be gone on from", async () => {
    await using harness = await startHarness();
    const { id, response } = await respond(harness, { ...later, input: "My name is Ada." });
    expect(response["status"]).toBe("in_progress");
    const told = await ended(harness, id);

    expect(told).toMatchObject({ id, status: "completed", background: true, created_at: response["created_at"] });
    const next = await respond(harness, { input: "What is my name?", previous_response_id: id });
    expect(next.text).toContain("Ada");
  });

  test("repeats schemas with their numbers, at once and later", async () => {
    await using harness = await startHarness();
    const ids = '{"type":"integer","enum":[9007199254740993,1]}';
    const tool = `{"type":"function","name":"f","parameters":{"type":"object","properties":{"id":${ids}}}}`;
    const body = `{"model":"qwen3-max","background":true,"input":"Hi","tools":[${tool}]}`;
    const begun = await bodyOf(await fetch(`${harness.url}/v1/responses`, { method: "POST", body }));
    // The shape is what the tests assert.
    const { id } = JSON.parse(begun) as { id: string };
    await ended(harness, id);

    expect(begun).toContain(ids);
    expect(await bodyOf(await harness.get(`/v1/responses/${id}`))).toContain(ids);
  });

  test("is not ended by a client that leaves, nor gone on from while it runs", async () => {
    await using harness = await startHarness();
    const id = await beginHeld(harness);

    expect((await read(harness, id))["status"]).toBe("in_progress");
    const error = await readError(await harness.post("/v1/responses", { input: "x", previous_response_id: id }));
    expect(error).toMatchObject({ status: 400, error: { param: "previous_response_id" } });
    harness.emulator.release("held", 100);
    expect((await ended(harness, id))["status"]).toBe("completed");
  });

  test("is cancelled, at Qwen as well, and stays so", async () => {
    await using harness = await startHarness();
    const id = await beginHeld(harness);
    const told = await readAnswer(await cancel(harness, id));

    expect(told.response).toMatchObject({ id, status: "cancelled", output: [] });
    await harness.emulator.until((requests) =>
      requests.some((request) => request.on === "stop" && request.status !== 0),
    );
    await untilIdle(harness);
    expect(callsOf(harness, "stop")).toHaveLength(1);
    expect((await readAnswer(await cancel(harness, id))).response["status"]).toBe("cancelled");
    await harness.restart();
    expect((await read(harness, id))["status"]).toBe("cancelled");
  });

  test("is ended when it is deleted", async () => {
    await using harness = await startHarness();
    const id = await beginHeld(harness);
    expect((await fetch(`${harness.url}/v1/responses/${id}`, { method: "DELETE" })).status).toBe(200);
    await untilIdle(harness);

    expect((await harness.get(`/v1/responses/${id}`)).status).toBe(404);
  });

  test("fails with what the upstream says", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ refuse: "rate-limited" });
    const { id } = await respond(harness, { ...later, input: "Hello" });

    expect(await ended(harness, id)).toMatchObject({ status: "failed", error: { code: "upstream_quota" }, output: [] });
  });

  test("has failed when the gateway was stopped", async () => {
    await using harness = await startHarness({ environment: { DRAIN_TIMEOUT_MS: "10" } });
    const id = await beginHeld(harness);
    await harness.restart();

    expect(await read(harness, id)).toMatchObject({ status: "failed", error: { code: "overloaded" } });
  });

  test("has failed when its process was killed", async () => {
    await using harness = await startHarness();
    const { id } = await respond(harness, { ...later, input: "Say one" });
    await ended(harness, id);
    await harness.restart();
    using database = new Database(join(harness.dataDir, "chat.db"));
    database.run(
      `UPDATE responses SET response = json_set(response, '$.status', 'in_progress', '$.output', json('[]'))`,
    );

    expect(await read(harness, id)).toMatchObject({ status: "failed", error: { code: "internal" } });
  });
});

test("what is wrong with a request is told at once", async () => {
  await using harness = await startHarness();
  for (const [body, param] of [
    [{ ...later, input: [] }, "input"],
    [{ ...later, input: "Hi", store: false }, "background"],
  ] as const) {
    const error = await readError(await harness.post("/v1/responses", body));
    expect(error).toMatchObject({ status: 400, error: { param } });
  }
  expect(allTurns(harness)).toEqual([]);
});

test.each([
  ["MAX_STREAMS_PER_KEY", 429],
  ["MAX_STREAMS", 503],
] as const)("one that %s does not allow is refused at once, and not kept", async (limit, status) => {
  await using harness = await startHarness({ environment: { [limit]: "1" } });
  const id = await beginHeld(harness);
  const refused = await readError(await harness.post("/v1/responses", { model: "qwen3-max", ...later, input: "Hi" }));
  harness.emulator.release("held", 100);
  await ended(harness, id);
  using database = new Database(join(harness.dataDir, "chat.db"), { readonly: true });

  expect([refused.status, refused.headers.get("retry-after")]).toEqual([status, "1"]);
  expect(database.query("SELECT count(*) AS count FROM responses").get()).toEqual({ count: 1 });
});

test("one that somebody waits for is answered in its stream, and cannot be cancelled", async () => {
  await using harness = await startHarness();
  const streamed = await respond(harness, { background: true, input: "Count from 1 to 3" });
  const { id } = await respond(harness, { input: "Say one" });

  expect(streamed.text).toBe("1 2 3");
  expect((await readError(await cancel(harness, id))).status).toBe(400);
  expect((await readError(await cancel(harness, "resp_x"))).status).toBe(404);
  expect((await harness.post("/v1/responses/resp_x", {})).status).toBe(404);
});
