// POST /v1/responses/compact, and inputs that end with a `compaction_trigger`: a summary takes the place of a conversation,
// and whoever goes on from it knows what was said.

import { describe, expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { parseMetrics, sumOf } from "../support/read-metrics.ts";
import type { Item } from "../support/response-frames.ts";
import { acceptedTurns, bodyOf, lastTurn, readError, untilIdle } from "./client.ts";
import { respond, user } from "./responses-client.ts";

const question = "Summarize this conversation";
const trigger = { type: "compaction_trigger" };

interface Compacted {
  readonly id: string;
  readonly object: string;
  readonly created_at: number;
  readonly output: readonly Item[];
  readonly usage: Readonly<Record<string, unknown>>;
}

async function compact(harness: Harness, body: object): Promise<Compacted> {
  const response = await harness.post("/v1/responses/compact", { model: "qwen3-max", ...body });
  // The shape is what the tests assert.
  return JSON.parse(await bodyOf(response)) as Compacted;
}

/** One that has greeted Mira, and will tell what it knows of her. */
async function startedWith(summary = "The user is Mira."): Promise<Harness> {
  const harness = await startHarness();
  harness.emulator.script({ match: question, reply: { thinking: "Hm.", text: summary } });
  harness.emulator.script({ match: "I am Mira", reply: { text: "Hello, Mira." } });
  return harness;
}

const greeting = user("I am Mira");

describe("a compacted conversation", () => {
  test("is the words of its users and a summary, which a later input is told", async () => {
    await using harness = await startedWith();
    const first = await respond(harness, { input: [greeting] });
    const { id, object, created_at, output, usage } = await compact(harness, { input: [greeting, ...first.items] });
    await respond(harness, { input: [...output, user("Who am I?")] });

    expect([id, object]).toEqual([expect.stringMatching(/^resp_[0-9a-f]{32}$/), "response.compaction"]);
    expect(created_at).toBeWithin(1_700_000_000, 10_000_000_000);
    expect(output).toMatchObject([
      { type: "message", role: "user", id: expect.stringMatching(/^msg_/), content: greeting.content },
      { type: "compaction", id: expect.stringMatching(/^cmp_/), encrypted_content: expect.any(String) },
    ]);
    expect(usage).toMatchObject({
      output_tokens: expect.any(Number),
      input_tokens_details: { cached_tokens: expect.any(Number) },
    });
    expect(lastTurn(harness).content).toContain("The user is Mira.");
    expect(lastTurn(harness).content).toContain("I am Mira");
    expect(lastTurn(harness).content).not.toContain("Hello, Mira.");
  });

  test("is known by the response that it goes on from, after a restart as well", async () => {
    await using harness = await startedWith();
    const first = await respond(harness, { input: [greeting] });
    await harness.restart();
    const { output } = await compact(harness, { previous_response_id: first.id });
    await harness.restart();
    await respond(harness, { input: [...output, user("Who am I?")] });

    expect(output.map(({ type }) => type)).toEqual(["message", "compaction"]);
    expect(lastTurn(harness).content).toContain("The user is Mira.");
  });

  test("can be compacted again: one summary stands for all", async () => {
    await using harness = await startedWith();
    const first = await compact(harness, { input: "I am Mira" });
    const second = await compact(harness, { input: [...first.output, user("I like trains")] });

    expect(second.output.map(({ type }) => type)).toEqual(["message", "message", "compaction"]);
    expect(lastTurn(harness).content).toContain("The user is Mira.");
  });

  test("was asked about in its chat, and goes on there as if nobody had asked", async () => {
    await using harness = await startedWith();
    const first = await respond(harness, { input: [greeting] });
    await compact(harness, { previous_response_id: first.id });
    await respond(harness, { previous_response_id: first.id, input: "Say hello" });
    const [greeted, asked, wentOn] = acceptedTurns(harness);

    expect([asked?.chatId, wentOn?.chatId]).toEqual([greeted!.chatId, greeted!.chatId]);
    expect(asked?.content).not.toContain("Hello, Mira.");
    expect(wentOn?.parentId).toBe(asked!.parentId!);
  });

  test("leaves no chat and no session behind where it was not known", async () => {
    await using harness = await startedWith();
    const input = [greeting, { role: "assistant", content: "Hello, Mira." }];
    const response = await harness.post("/v1/responses/compact", { input }, { headers: { "x-session-id": "s1" } });
    const unnamed = await harness.post("/v1/responses/compact", { input });
    const sessions: unknown = await (await harness.get("/v1/sessions")).json();

    expect([response, unnamed].map(({ headers }) => headers.get("x-session-id"))).toEqual(["s1", null]);
    expect(sessions).toMatchObject({ data: [] });
    const isDeleted = ({ on, status }: { on: string; status: number }) => on === "delete" && status !== 0;
    await harness.emulator.until((requests) => requests.filter(isDeleted).length === 2);
    expect(harness.emulator.chats()).toHaveLength(0);
  });
});

test("a hang-up before the first word leaves no chat behind where the conversation was not known", async () => {
  await using harness = await startHarness();
  const controller = new AbortController();
  harness.emulator.script({ gate: "held", reply: { text: "never" } });
  const body = { model: "qwen3-max", input: "I am Mira" };
  const answer = harness.post("/v1/responses/compact", body, { signal: controller.signal });
  await harness.emulator.until((requests) => requests.some(({ on }) => on === "completions"));
  expect(harness.emulator.chats()).toHaveLength(1);
  controller.abort();

  await expect(answer).rejects.toThrow();
  await harness.emulator.until((requests) => requests.some(({ on, status }) => on === "delete" && status !== 0));
  expect(harness.emulator.chats()).toHaveLength(0);
});

describe("what cannot be compacted is told so", () => {
  test.each([
    ["nothing", {}, "input"],
    ["something that is no input", { input: 7 }, "input"],
    ["an item that is none", { input: [greeting, 7] }, "input[1]"],
    ["a stream that is neither yes nor no", { input: [greeting], stream: "7" }, "stream"],
    ["a background that is neither", { input: [greeting], background: 1 }, "background"],
    ["a response that is not kept", { previous_response_id: "resp_1" }, "previous_response_id"],
  ])("%s", async (_name, body, param) => {
    await using harness = await startHarness();
    const error = await readError(await harness.post("/v1/responses/compact", body));

    expect([error.status, error.error["param"]]).toEqual([param === "previous_response_id" ? 404 : 400, param]);
    expect(acceptedTurns(harness)).toHaveLength(0);
  });

  test("a body that is no JSON", async () => {
    await using harness = await startHarness();
    const error = await readError(
      await fetch(`${harness.url}/v1/responses/compact`, { method: "POST", body: "{", headers: json }),
    );

    expect([error.status, error.error["code"]]).toEqual([400, "invalid_request"]);
  });

  test("a summary without words, which is counted as a failure", async () => {
    await using harness = await startedWith("");
    const error = await readError(await harness.post("/v1/responses/compact", { input: "I am Mira" }));
    const samples = parseMetrics(await (await harness.get("/metrics")).text());

    expect([error.status, error.error["message"]]).toEqual([502, expect.stringContaining("no whole summary")]);
    expect(sumOf(samples, "qwen_gateway_requests_total", { outcome: "failed" })).toBe(1);
    expect(sumOf(samples, "qwen_gateway_requests_total", { outcome: "complete" }) ?? 0).toBe(0);
    expect(acceptedTurns(harness)).toHaveLength(1);
  });
});

const json = { "content-type": "application/json" };

test("compacting asks a model: it is counted", async () => {
  await using harness = await startHarness({ environment: { LIMIT_REQUESTS_PER_MINUTE: "1" } });
  harness.emulator.script({ match: question, reply: { text: "The user is Mira." } });
  await compact(harness, { input: "I am Mira" });

  expect((await harness.post("/v1/responses/compact", { input: "I am Mira" })).status).toBe(429);
});

test("a summary is told to whoever brings it: it is bound to no key", async () => {
  await using harness = await startHarness({ environment: { API_KEY: "one,other" } });
  harness.emulator.script({ match: question, reply: { text: "The user is Mira." } });
  const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  const compacted = await harness.post("/v1/responses/compact", { input: "I am Mira" }, as("one"));
  // The shape is asserted above.
  const { output } = JSON.parse(await bodyOf(compacted)) as Compacted;
  await bodyOf(await harness.post("/v1/responses", { input: [...output, user("Who am I?")] }, as("other")));

  expect(lastTurn(harness).content).toContain("The user is Mira.");
});

test("a hang-up while a conversation is compacted stops the generation, and leaves no session", async () => {
  await using harness = await startHarness();
  const controller = new AbortController();
  harness.emulator.script({ gate: "held", reply: { text: "one two three" } });
  harness.emulator.release("held", 3);
  const body = { model: "qwen3-max", input: "I am Mira" };
  const answer = harness.post("/v1/responses/compact", body, { signal: controller.signal });
  await harness.emulator.until((requests) => requests.some((request) => request.eventsDelivered === 3));
  controller.abort();

  await expect(answer).rejects.toThrow();
  await harness.emulator.until((requests) => requests.some(({ on }) => on === "stop"));
  await untilIdle(harness);
  expect(lastTurn(harness).record.finished).toBe(false);
  expect(await (await harness.get("/v1/sessions")).json()).toMatchObject({ data: [] });
});

describe("an input that ends with a trigger", () => {
  test.each([true, false])("is answered by one item that holds a summary, streamed: %p", async (stream) => {
    await using harness = await startedWith();
    const { items, response } = await respond(harness, { stream, input: [greeting, trigger] });
    await respond(harness, { input: [greeting, ...items, user("Who am I?")] });

    expect(response).toMatchObject({
      object: "response",
      status: "completed",
      usage: { total_tokens: expect.any(Number) },
    });
    expect(items).toMatchObject([{ type: "compaction", id: expect.stringMatching(/^cmp_/) }]);
    expect(lastTurn(harness).content).toContain("The user is Mira.");
  });

  test.each([true, false])("fails where there is no summary, streamed: %p", async (stream) => {
    await using harness = await startedWith("");
    const { response } = await respond(harness, { stream, input: [greeting, trigger] });

    expect(response).toMatchObject({
      status: "failed",
      output: [],
      error: { message: expect.stringContaining("summary") },
    });
  });

  test("takes the place of what is kept: an answer that goes on from it knows the summary alone", async () => {
    await using harness = await startedWith();
    const first = await respond(harness, { input: [{ role: "developer", content: "Be kind." }, greeting] });
    const compacted = await respond(harness, { previous_response_id: first.id, input: [trigger] });
    await respond(harness, { previous_response_id: compacted.id, input: "Who am I?" });

    for (const told of ["Be kind.", "I am Mira", "The user is Mira."])
      expect(lastTurn(harness).content).toContain(told);
    expect(lastTurn(harness).content).not.toContain("Hello, Mira.");
  });

  test.each([{ REASONING_DISPLAY: "tags", WRAP_ANSWER: "attempt_completion" }, { STREAM: "false" }])(
    "gives a summary as it was said, whatever is set: %p",
    async (environment) => {
      await using harness = await startHarness({ environment });
      harness.emulator.script({ match: question, reply: { thinking: "Hm.", text: "The user is Mira." } });
      const { items } = await respond(harness, {
        input: [greeting, trigger],
        text: { format: { type: "json_object" } },
      });
      await respond(harness, { input: [...items, user("Who am I?")] });

      expect(items).toHaveLength(1);
      expect(lastTurn(harness).content).toContain("so far:\n\nThe user is Mira.");
    },
  );
});

test("a summary that was made elsewhere is refused by its field, and nobody is asked", async () => {
  await using harness = await startHarness();
  const input = [{ type: "compaction", id: "cmp_1", encrypted_content: "gAAAAABo" }, user("Who am I?")];
  const error = await readError(await harness.post("/v1/responses", { input }));

  expect([error.status, error.error["param"]]).toEqual([400, "input[0].encrypted_content"]);
  expect(acceptedTurns(harness)).toHaveLength(0);
});
