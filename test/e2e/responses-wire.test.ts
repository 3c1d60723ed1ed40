// POST /v1/responses and what belongs to it, byte by byte, of the compiled executable over either kind of upstream: as agents
// send it and as they break without it.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ModelStage, startModelStage, upstreamKinds } from "../support/model-stage.ts";
import { type Item, parseResponseStream } from "../support/response-frames.ts";

setDefaultTimeout(20_000);

const parameters = { type: "object", properties: { city: { type: "string" } }, additionalProperties: false };
const weather = { type: "function", name: "get_weather", description: "weather", parameters, strict: true };
const clock = { type: "function", name: "get_time", parameters, strict: null };
const askBoth = "Call get_weather with city=Paris and get_time with city=Rome";

type Response200 = Readonly<Record<string, unknown>> & { readonly id: string; readonly output: readonly Item[] };

describe.each(upstreamKinds)("over %s", (kind) => {
  let stage: ModelStage;
  beforeAll(async () => {
    stage = await startModelStage(kind);
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage[Symbol.asyncDispose]());

  const ask = (path: string, method = "GET", body?: unknown) =>
    fetch(`${stage.url}/v1/responses${path}`, {
      method,
      headers: { authorization: "Bearer none", "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const create = (fields: object) => ask("", "POST", { model: stage.model, ...fields });
  // The shape is what the tests assert.
  const whole = async (fields: object) => (await (await create(fields)).json()) as Response200;
  const streamed = async (fields: object) => {
    const response = await create({ ...fields, stream: true });
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    return parseResponseStream(await response.text());
  };
  const textOf = ({ output }: Pick<Response200, "output">) =>
    output.flatMap(({ content }) => (content as { text?: string }[] | undefined) ?? []).map(({ text }) => text);
  const errorOf = async (response: Response) => {
    const { error } = (await response.json()) as { error: { param: string | null; code: string } };
    return [response.status, error.param, error.code] as const;
  };

  test("a stream has every event once, named and numbered, and ends with the whole response", async () => {
    const { types, response, items, text } = await streamed({
      input: "Say hello there",
      reasoning: { effort: "high" },
    });

    expect([...new Set(types)]).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.done",
      "response.reasoning_summary_part.done",
      "response.output_item.done",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.completed",
    ]);
    expect(text).toBe("hello there");
    expect(response).toMatchObject({
      id: expect.stringMatching(/^resp_/),
      object: "response",
      created_at: expect.any(Number),
      status: "completed",
      error: null,
      incomplete_details: null,
      output: items,
      tools: [],
      tool_choice: "auto",
      parallel_tool_calls: true,
      model: stage.model,
      usage: {
        input_tokens: expect.any(Number),
        input_tokens_details: { cache_write_tokens: 0, cached_tokens: expect.any(Number) },
        output_tokens: expect.any(Number),
        output_tokens_details: { reasoning_tokens: expect.any(Number) },
        total_tokens: expect.any(Number),
      },
    });
  });

  test("calls are items with an id and a call_id of their own, whose deltas name the item", async () => {
    const { events, items } = await streamed({ input: askBoth, tools: [weather, clock], store: false });
    const calls = items.filter(({ type }) => type === "function_call");

    expect(calls.map(({ name, arguments: text }) => [name, JSON.parse(String(text))])).toEqual([
      ["get_weather", { city: "Paris" }],
      ["get_time", { city: "Rome" }],
    ]);
    for (const { id, call_id: callId } of calls) {
      expect(id).toMatch(/^fc_/);
      expect(callId).not.toBe(id);
      const deltas = events.filter((event) => event.type.includes("arguments") && event["item_id"] === id);
      expect(deltas.at(-1)?.type).toBe("response.function_call_arguments.done");
    }
  });

  test("codex's request is taken: developer messages, namespaces, web search, custom and unknown tools", async () => {
    const { response } = await streamed({
      input: [
        { type: "message", role: "developer", content: [{ type: "input_text", text: "You are terse." }] },
        { type: "message", role: "developer", content: "The folder is empty." },
        { type: "message", role: "user", content: [{ type: "input_text", text: "Say hello there" }] },
      ],
      tools: [
        weather,
        { type: "namespace", name: "multi_agent_v1", description: "agents", tools: [clock] },
        { type: "web_search", external_web_access: false },
        { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "start: /x/" } },
        { type: "image_generation" },
        { type: "not_yet_invented", anything: 1 },
      ],
      tool_choice: "auto",
      parallel_tool_calls: true,
      store: false,
      include: ["reasoning.encrypted_content"],
      reasoning: { summary: "auto" },
      prompt_cache_key: "k",
      client_metadata: { a: "b" },
      not_yet_invented: true,
    });
    const [asked] = stage.asked();

    expect(response).toMatchObject({ status: "completed" });
    for (const words of ["You are terse.", "The folder is empty.", "get_weather", "get_time", "apply_patch"])
      expect(asked).toContain(words);
    for (const words of ["image_generation", "not_yet_invented", "multi_agent_v1.tools"])
      expect(asked).not.toContain(words);
  });

  test("items without a type are messages, reasoning and ids of other makers are passed over, results are arrays too", async () => {
    const first = await whole({ input: "Call get_weather with city=Paris", tools: [weather], store: false });
    const call = first.output.find(({ type }) => type === "function_call");
    const second = await whole({
      store: false,
      tools: [weather],
      input: [
        { role: "system", content: "You are terse." },
        { role: "user", content: "Call get_weather with city=Paris" },
        { type: "reasoning", id: "rs_other", summary: [], content: null, encrypted_content: null },
        call,
        {
          type: "function_call_output",
          id: "fco_1",
          call_id: call?.["call_id"],
          output: [{ type: "input_text", text: "rain" }],
        },
      ],
    });

    expect(textOf(second)).toEqual(["get_weather says: rain"]);
  });

  test("instructions are of their request alone, store keeps items, item_reference stands for one", async () => {
    const first = await whole({ input: "My name is Mira.", instructions: "You are terse." });
    const message = first.output.find(({ type }) => type === "message");
    const byReference = await whole({
      input: [
        { role: "user", content: "My name is Mira." },
        { type: "item_reference", id: message?.id },
        { role: "user", content: "What is my name?" },
      ],
    });
    const byId = await whole({ input: "What is my name?", previous_response_id: first.id });

    expect(stage.asked()[0]).toContain("You are terse.");
    for (const answer of [byReference, byId]) expect(textOf(answer).join()).toContain("Mira");
    expect(byId["previous_response_id"]).toBe(first.id);
    expect(byId["instructions"]).toBeNull();
  });

  test("what is unknown is told with its field, and asks nobody", async () => {
    expect(await errorOf(await create({ input: [{ type: "item_reference", id: "msg_nothing" }] }))).toMatchObject([
      400,
      expect.stringContaining("input[0]"),
      "invalid_request",
    ]);
    expect((await errorOf(await create({ input: "Hi", previous_response_id: "resp_nothing" }))).slice(0, 2)).toEqual([
      404,
      "previous_response_id",
    ]);
    expect((await errorOf(await create({})))[0]).toBe(400);
    for (const [path, method] of [["/resp_nothing"], ["/resp_nothing/input_items"], ["/resp_nothing/cancel", "POST"]])
      expect([path, (await ask(path ?? "", method)).status]).toEqual([path, 404]);
    expect(stage.asked()).toEqual([]);
  });

  test("a kept response is read, its items listed in pages, and deleted", async () => {
    const { id } = await whole({
      input: [
        { role: "user", content: "Say one" },
        { role: "assistant", content: [{ type: "output_text", text: "one" }] },
        { role: "user", content: "Say two" },
      ],
    });
    const list = async (query: string) =>
      (await (await ask(`/${id}/input_items?${query}`)).json()) as {
        data: Item[];
        has_more: boolean;
        last_id: string;
      };
    const newest = await list("limit=1");
    const oldest = await list("limit=2&order=asc");
    const rest = await list(`limit=2&order=asc&after=${oldest.last_id}`);

    expect(await (await ask(`/${id}`)).json()).toMatchObject({ id, status: "completed" });
    expect([newest.data.length, newest.has_more, newest.data[0]?.["role"]]).toEqual([1, true, "user"]);
    expect(oldest.data.map((item) => item["role"])).toEqual(["user", "assistant"]);
    expect([rest.data.length, rest.has_more]).toEqual([1, false]);
    expect((await errorOf(await ask(`/${id}/input_items?after=msg_nothing`))).slice(0, 2)).toEqual([400, "after"]);
    expect(await (await ask(`/${id}`, "DELETE")).json()).toMatchObject({ id, deleted: true });
    expect((await ask(`/${id}`)).status).toBe(404);
  });

  test("background: told at once, cancelled, and its stream read on from any event", async () => {
    stage.script({ text: "word ", isEndless: true });
    const begun = await whole({ input: "Go on", background: true });
    await stage.begun();
    const cancelled = (await (await ask(`/${begun.id}/cancel`, "POST")).json()) as Response200;
    await stage.aborted();
    const stream = await streamed({ input: "Count from 1 to 9", background: true });
    const again = await ask(`/${String(stream.response["id"])}?stream=true&starting_after=3`);
    const events = (await again.text())
      .split("\n")
      .filter((line) => line.startsWith("data: "))
      .map((line) => JSON.parse(line.slice(6)) as { sequence_number: number });

    expect(["in_progress", "queued"]).toContain(String(begun["status"]));
    expect(cancelled["status"]).toBe("cancelled");
    expect(events.map((event) => event.sequence_number)).toEqual(stream.events.slice(4).map((_, index) => index + 4));
    expect(events).toEqual(stream.events.slice(4) as never);
  });

  // The last: the account is set aside for a while behind it.
  test("a refusal is a status, a break in the answer an error, response.failed and nothing behind it", async () => {
    stage.script({ text: "one ", isEndless: true, breaksAfter: 20 });
    const broken = await streamed({ input: "Say it again" });
    stage.script({ refuse: "internal-error" });
    const refused = await create({ input: "Hi", stream: true });

    expect(refused.status).toBe(502);
    expect(await refused.json()).toMatchObject({ error: { type: expect.any(String), message: expect.any(String) } });
    expect(broken.types.slice(-2)).toEqual(["error", "response.failed"]);
    expect(broken.response).toMatchObject({ status: "failed", error: { code: expect.any(String) } });
    expect(broken.text).toStartWith("one");
  });
});
