// Responses that are kept: going on from them, also after a restart and in branches; reading, listing and deleting them.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startDialectStage } from "../support/dialect-stage.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { acceptedTurns, bodyOf, readError } from "./client.ts";
import { clock, outputOf, respond, user, weather } from "./responses-client.ts";

const remove = (harness: Harness, id: string) => fetch(`${harness.url}/v1/responses/${id}`, { method: "DELETE" });

async function read(harness: Harness, rest: string): Promise<Record<string, unknown>> {
  // The shape is what the tests assert.
  return JSON.parse(await bodyOf(await harness.get(`/v1/responses/${rest}`))) as Record<string, unknown>;
}

describe.each([true, false])("previous_response_id, stream %p", (stream) => {
  test("goes on in the chat, with the new words alone, also after a restart", async () => {
    await using harness = await startHarness();
    const body = { stream, instructions: "Be brief." };
    const first = await respond(harness, { ...body, input: "My name is Ada." });
    const second = await respond(harness, { ...body, input: [user("Say two")], previous_response_id: first.id });
    await harness.restart();
    const third = await respond(harness, { ...body, input: "What is my name?", previous_response_id: second.id });

    expect(third.text).toContain("Ada");
    expect(third.response["previous_response_id"]).toBe(second.id);
    const turns = acceptedTurns(harness);
    expect(turns.map(({ chatId }) => chatId)).toEqual(turns.map(() => turns[0]!.chatId));
    expect(turns.map(({ parentId }) => parentId)).toEqual([null, turns[0]!.responseId, turns[1]!.responseId]);
    expect(turns[2]!.content).toBe("What is my name?");
  });

  test("instructions are of their request alone: without them a new chat is told the rest", async () => {
    await using harness = await startHarness();
    const first = await respond(harness, { stream, input: "My name is Ada.", instructions: "Be brief." });
    const second = await respond(harness, { stream, input: "What is my name?", previous_response_id: first.id });

    expect(second.text).toContain("Ada");
    const [one, two] = acceptedTurns(harness);
    expect(two!.chatId).not.toBe(one!.chatId);
    expect(two!.content).not.toContain("Be brief.");
  });

  test("branches: two go on from one, each without the other", async () => {
    await using harness = await startHarness();
    const first = await respond(harness, { stream, input: "My name is Ada." });
    const lie = await respond(harness, { stream, input: "No, my name is Bert.", previous_response_id: first.id });
    const other = await respond(harness, { stream, input: "What is my name?", previous_response_id: first.id });
    const deeper = await respond(harness, { stream, input: "What is my name?", previous_response_id: lie.id });

    expect(other.text).toContain("Ada");
    expect(deeper.text).toContain("Bert");
  });

  test("results of tools answer the calls that are kept", async () => {
    await using harness = await startHarness();
    const tools = [weather, clock];
    const first = await respond(harness, { stream, tools, input: "Call get_weather with city=Paris" });
    const call = first.items.find(({ type }) => type === "function_call");
    const second = await respond(harness, {
      stream,
      tools,
      input: [outputOf(call, "sunny")],
      previous_response_id: first.id,
    });

    expect(second.text).toBe("get_weather says: sunny");
    const [one, two] = acceptedTurns(harness);
    expect(two).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId });
  });

  test("a server without memory is told the whole history", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    const own = { model: undefined, stream };
    stage.emulator.script({ reply: { reasoning: ["Hm."], text: "Hello Ada." } });
    const first = await respond(stage.harness, { ...own, input: "I am Ada.", instructions: "Be brief." });
    await stage.harness.restart();
    await respond(stage.harness, { ...own, input: "Go on", instructions: "Be kind.", previous_response_id: first.id });

    expect(stage.lastBody()["messages"]).toMatchObject([
      { role: "system", content: "Be kind." },
      { role: "user", content: "I am Ada." },
      { role: "assistant", content: "Hello Ada." },
      { role: "user", content: "Go on" },
    ]);
  });
});

test("item_reference stands for an item that is kept, and 400 names one that is not", async () => {
  await using harness = await startHarness();
  const tools = [weather];
  const first = await respond(harness, { tools, input: "Call get_weather with city=Paris" });
  const input = [
    user("Call get_weather with city=Paris"),
    ...first.items.map(({ id }) => ({ type: "item_reference", id })),
    outputOf(first.items.at(-1), "sunny"),
  ];
  expect((await respond(harness, { tools, input })).text).toBe("get_weather says: sunny");
  const [one, two] = acceptedTurns(harness);
  expect(two).toMatchObject({ chatId: one!.chatId, parentId: one!.responseId });

  const unknown = { type: "item_reference", id: "msg_00000000000000000000000000000000" };
  const error = await readError(await harness.post("/v1/responses", { input: [user("Hi"), unknown] }));
  expect(error).toMatchObject({ status: 400, error: { param: "input[1].id" } });
  expect(error.error.message).toContain(unknown.id);
});

test("what cannot be gone on from is told, and names the field", async () => {
  await using harness = await startHarness();
  const unkept = await respond(harness, { input: "Say one", store: false });
  const first = await respond(harness, { input: "Say one" });
  const second = await respond(harness, { input: "Say two", previous_response_id: first.id });
  await remove(harness, first.id);
  for (const id of ["resp_unknown", unkept.id, first.id, second.id]) {
    const error = await readError(await harness.post("/v1/responses", { input: "Go on", previous_response_id: id }));
    expect(error).toMatchObject({ status: 404, error: { param: "previous_response_id", code: "not_found" } });
  }
});

test("a failed answer is kept as such, and cannot be gone on from", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ reply: { chunks: ["one ", "two"], faults: [{ kind: "drop", after: 2 }] } });
  const failed = await respond(harness, { input: "Hello" });

  expect(await read(harness, failed.id)).toEqual(failed.response);
  expect(failed.response["status"]).toBe("failed");
  const error = await readError(
    await harness.post("/v1/responses", { input: "Go on", previous_response_id: failed.id }),
  );
  expect(error).toMatchObject({ status: 400, error: { param: "previous_response_id" } });
});

describe("a kept response", () => {
  test("is read as it was told, after a restart as well", async () => {
    await using harness = await startHarness();
    const streamed = await respond(harness, { input: "Count from 1 to 5", metadata: { a: "b" } });
    const whole = await respond(harness, { stream: false, input: "Count from 1 to 5" });
    await harness.restart();

    expect(await read(harness, streamed.id)).toEqual(streamed.response);
    expect(await read(harness, whole.id)).toEqual(whole.response);
  });

  test("has the items that it answers, in pages", async () => {
    await using harness = await startHarness();
    const { id } = await respond(harness, {
      input: [
        { role: "developer", content: "Be brief." },
        { id: "msg_mine", role: "user", content: [{ type: "input_text", text: "Say one" }] },
        { type: "message", role: "assistant", content: "one" },
        { role: "user", content: "Say two" },
      ],
    });
    const asked = await read(harness, `${id}/input_items?order=asc`);
    const wrong = await harness.get(`/v1/responses/${id}/input_items?after=msg_nothing`);
    expect([wrong.status, ((await wrong.json()) as { error: { param: string } }).error.param]).toEqual([400, "after"]);
    const data = asked["data"] as { id: string }[];

    expect(asked).toMatchObject({
      object: "list",
      has_more: false,
      data: [
        { type: "message", role: "developer", content: [{ type: "input_text", text: "Be brief." }] },
        { id: "msg_mine", type: "message", role: "user" },
        { role: "assistant", content: [{ type: "output_text", text: "one" }] },
        { role: "user", content: [{ type: "input_text", text: "Say two" }] },
      ],
    });
    expect(new Set(data.map((item) => item.id)).size).toBe(4);
    const page = await read(harness, `${id}/input_items?limit=1&after=${data[3]!.id}`);
    expect(page).toMatchObject({
      data: [{ role: "assistant" }],
      has_more: true,
      first_id: data[2]!.id,
      last_id: data[2]!.id,
    });
    for (const query of ["limit=0", "order=newest", "order="]) {
      const { status, error } = await readError(await harness.get(`/v1/responses/${id}/input_items?${query}`));
      expect([query, status, error.param]).toEqual([query, 400, query.split("=")[0] ?? ""]);
    }
  });

  test("is deleted, once", async () => {
    await using harness = await startHarness();
    const { id } = await respond(harness, { input: "Say one" });

    expect(await (await remove(harness, id)).json()).toEqual({ id, object: "response", deleted: true });
    expect((await remove(harness, id)).status).toBe(404);
    expect((await readError(await harness.get(`/v1/responses/${id}`))).error.code).toBe("not_found");
    expect((await harness.get(`/v1/responses/${id}/input_items`)).status).toBe(404);
  });

  test("is its caller's alone", async () => {
    await using harness = await startHarness({ environment: { API_KEY: "key-of-anna,key-of-bert" } });
    const as = (name: string) => ({ headers: { authorization: `Bearer key-of-${name}` } });
    const { id } = await respond(harness, { input: "My name is Ada." }, as("anna").headers);
    const ask = (name: string) => harness.post("/v1/responses", { input: "Go on", previous_response_id: id }, as(name));

    expect((await ask("bert")).status).toBe(404);
    expect((await fetch(`${harness.url}/v1/responses/${id}`, as("bert"))).status).toBe(404);
    expect((await fetch(`${harness.url}/v1/responses/${id}`, { method: "DELETE", ...as("bert") })).status).toBe(404);
    expect((await ask("anna")).status).toBe(200);
  });

  test("expires with SESSION_TIMEOUT", async () => {
    let nowMs = Date.now();
    await using harness = await startHarness({ environment: { SESSION_TIMEOUT: "60000" }, clock: () => nowMs });
    const { id } = await respond(harness, { input: "Say one" });
    nowMs += 60_001;

    expect((await harness.get(`/v1/responses/${id}`)).status).toBe(404);
  });
});

test("store: false keeps nothing, and opens no database for it", async () => {
  await using harness = await startHarness();
  const { id, response } = await respond(harness, { input: "Say one", store: false });

  expect(response["store"]).toBe(false);
  expect(existsSync(join(harness.dataDir, "chat.db"))).toBe(false);
  expect((await harness.get(`/v1/responses/${id}`)).status).toBe(404);
});

test("a database that cannot be opened costs the keeping and not the answer", async () => {
  await using harness = await startHarness();
  await Bun.write(join(harness.dataDir, "chat.db"), "no database at all, but long enough to be looked at as one");

  expect((await respond(harness, { input: "Count from 1 to 3" })).text).toBe("1 2 3");
  expect(harness.logLines.join("")).toContain("Cannot keep responses");
});

test("other methods and odd ids are told as elsewhere", async () => {
  await using harness = await startHarness();

  expect((await harness.get("/v1/responses")).status).toBe(405);
  expect((await harness.get("/v1/responses/%zz")).status).toBe(404);
});
