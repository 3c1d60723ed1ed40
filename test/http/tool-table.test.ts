// Tools on every surface over every way to have them: told as text to a backend that has none, native at servers that do.
// One table, so that nothing holds on one surface alone.

import { describe, expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { readMessage } from "../support/read-message.ts";
import { startHarness } from "../support/harness.ts";
import { parseChatStream } from "../support/sse-frames.ts";
import { acceptedTurns, bodyOf, user } from "./client.ts";
import { readAnswer } from "./responses-client.ts";

interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

interface Turn {
  readonly text: string;
  readonly calls: readonly Call[];
  /** The finish says that there are calls to run. */
  readonly wantsResults: boolean;
  readonly kept: readonly object[];
}

interface Result {
  readonly text: string;
  readonly image?: boolean;
  readonly isError?: boolean;
}

type Choice = "auto" | "none" | "required" | { readonly name: string };

interface Wishes {
  readonly choice?: Choice;
  readonly parallel?: boolean;
  readonly strict?: boolean;
}

type Post = (path: string, body: unknown) => Promise<Response>;

interface Surface {
  readonly name: string;
  ask(post: Post, history: readonly object[], stream: boolean, wishes?: Wishes): Promise<Turn>;
  results(calls: readonly Call[], results: readonly Result[]): readonly object[];
  /** Undefined: the protocol cannot say it. */
  readonly saysErrors: boolean;
}

const pixel = "data:image/png;base64,iVBORw0KGgo=";
const parameters = (property: string) => ({
  type: "object",
  properties: { [property]: { type: "string" } },
  required: [property],
  additionalProperties: false,
});
const declared = [
  { name: "get_weather", description: "Tells the weather.", parameters: parameters("city") },
  { name: "get_time", description: "Tells the time.", parameters: parameters("zone") },
];

const chat: Surface = {
  name: "chat",
  saysErrors: true,
  async ask(post, messages, stream, { choice, parallel, strict } = {}) {
    const tools = declared.map((tool) => ({
      type: "function",
      function: { ...tool, ...(strict === undefined ? {} : { strict }) },
    }));
    const named = typeof choice === "object" ? { type: "function", function: choice } : choice;
    const body = { messages, stream, tools, tool_choice: named, parallel_tool_calls: parallel };
    const text = await bodyOf(await post("/v1/chat/completions", body));
    const message = stream ? joinDeltas(text) : JSON.parse(text).choices[0].message;
    const finish = stream
      ? parseChatStream(text)
          .chunks.map((chunk) => chunk.choices[0]?.finish_reason)
          .findLast((reason) => reason != null)
      : JSON.parse(text).choices[0].finish_reason;
    const calls = (message.tool_calls ?? []).map(
      (call: { id: string; function: { name: string; arguments: string } }) => ({
        id: call.id,
        name: call.function.name,
        input: JSON.parse(call.function.arguments),
      }),
    );
    return { text: message.content ?? "", calls, wantsResults: finish === "tool_calls", kept: [message] };
  },
  results: (calls, results) =>
    results.map(({ text, image, isError }, index) => ({
      role: "tool",
      tool_call_id: calls[index]?.id,
      content: image
        ? [
            { type: "text", text },
            { type: "image_url", image_url: { url: pixel } },
          ]
        : text,
      ...(isError ? { is_error: true } : {}),
    })),
};

/** As an official client puts a message together. */
function joinDeltas(body: string): Record<string, unknown> {
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  let content = "";
  for (const { choices } of parseChatStream(body).chunks) {
    const delta = (choices[0]?.delta ?? {}) as {
      content?: string;
      tool_calls?: { index: number; id?: string; function?: { name?: string; arguments?: string } }[];
    };
    content += delta.content ?? "";
    for (const { index, id, function: called } of delta.tool_calls ?? []) {
      calls[index] ??= { id: id ?? "", type: "function", function: { name: called?.name ?? "", arguments: "" } };
      const call = calls[index];
      if (call !== undefined) call.function.arguments += called?.arguments ?? "";
    }
  }
  return { role: "assistant", content, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
}

const responses: Surface = {
  name: "responses",
  saysErrors: false,
  async ask(post, input, stream, { choice, parallel, strict } = {}) {
    const tools = declared.map((tool) => ({ type: "function", ...tool, ...(strict === undefined ? {} : { strict }) }));
    const named = typeof choice === "object" ? { type: "function", ...choice } : choice;
    const body = { input, stream, store: false, tools, tool_choice: named, parallel_tool_calls: parallel };
    const { items, text } = await readAnswer(await post("/v1/responses", body));
    const calls = items
      .filter(({ type }) => type === "function_call")
      .map((item) => ({
        id: String(item["call_id"]),
        name: String(item["name"]),
        input: JSON.parse(String(item["arguments"])) as unknown,
      }));
    return { text, calls, wantsResults: calls.length > 0, kept: items };
  },
  results: (calls, results) =>
    results.map(({ text, image }, index) => ({
      type: "function_call_output",
      call_id: calls[index]?.id,
      output: image
        ? [
            { type: "input_text", text },
            { type: "input_image", image_url: pixel },
          ]
        : text,
    })),
};

const messages: Surface = {
  name: "messages",
  saysErrors: true,
  async ask(post, history, stream, { choice, parallel, strict } = {}) {
    const tools = declared.map(({ name, description, parameters: schema }) => ({
      name,
      description,
      input_schema: schema,
      ...(strict === undefined ? {} : { strict }),
    }));
    const types = { auto: "auto", none: "none", required: "any" } as const;
    const named = typeof choice === "object" ? { type: "tool", ...choice } : choice && { type: types[choice] };
    const single = parallel === false ? { ...(named ?? { type: "auto" }), disable_parallel_tool_use: true } : named;
    const body = { max_tokens: 1000, messages: history, stream, tools, tool_choice: single };
    const message = await readMessage(await post("/v1/messages", body));
    const calls = message.content
      .filter(({ type }) => type === "tool_use")
      .map(({ id = "", name = "", input }) => ({ id, name, input }));
    const text = message.content.map((block) => block.text ?? "").join("");
    const kept = [{ role: "assistant", content: message.content }];
    return { text, calls, wantsResults: message.stopReason === "tool_use", kept };
  },
  results: (calls, results) => [
    {
      role: "user",
      content: results.map(({ text, image, isError }, index) => ({
        type: "tool_result",
        tool_use_id: calls[index]?.id,
        content: image
          ? [
              { type: "text", text },
              { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } },
            ]
          : text,
        ...(isError ? { is_error: true } : {}),
      })),
    },
  ],
};

/** What stands behind the gateway, and what of a request reached it. */
interface Stage extends AsyncDisposable {
  readonly post: Post;
  /** The next answers, in words alone. */
  answer(...texts: readonly string[]): void;
  asked(): number;
  /** The newest request, as JSON. */
  sent(): string;
  /** Whether all turns so far were one chain. */
  isChained(): boolean;
}

async function webStage(): Promise<Stage> {
  const harness = await startHarness();
  return {
    post: (path, body) => harness.post(path, body),
    answer(...texts) {
      for (const text of texts) harness.emulator.script({ reply: { text } });
    },
    asked: () => acceptedTurns(harness).length,
    sent: () => JSON.stringify(acceptedTurns(harness).at(-1)?.content ?? ""),
    isChained() {
      const turns = acceptedTurns(harness);
      return turns.every(({ parentId, chatId }, index) =>
        index === 0 ? parentId === null : parentId === turns[index - 1]?.responseId && chatId === turns[0]?.chatId,
      );
    },
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };
}

async function nativeStage(dialect: "vllm" | "dashscope"): Promise<Stage> {
  const stage = await startDialectStage({ dialect });
  return {
    post: (path, body) => stage.harness.post(path, body),
    answer(...texts) {
      for (const text of texts) stage.emulator.script({ reply: { text } });
    },
    asked: () => stage.completions().length,
    sent: () => JSON.stringify(stage.lastBody()),
    isChained: () => true,
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}

const stages = {
  web: webStage,
  vllm: () => nativeStage("vllm"),
  dashscope: () => nativeStage("dashscope"),
} as const;
type StageName = keyof typeof stages;

const table = [chat, responses, messages].flatMap((surface) =>
  (["web", "vllm", "dashscope"] as const).flatMap((upstream) =>
    [true, false].map((stream) => ({ name: surface.name, surface, upstream: upstream as StageName, stream })),
  ),
);
const callBoth = user("Call get_weather with city=Paris, and get_time with zone=CET");

describe.each(table)("$name over $upstream, streamed: $stream", ({ surface, upstream, stream }) => {
  test("auto: calls, their results, and the answer, in one chain", async () => {
    await using stage = await stages[upstream]();
    const history: object[] = [callBoth];
    const turn = await surface.ask(stage.post, history, stream, { choice: "auto" });
    expect(turn.calls.map(({ name, input }) => [name, input])).toEqual([
      ["get_weather", { city: "Paris" }],
      ["get_time", { zone: "CET" }],
    ]);
    expect(turn.wantsResults).toBe(true);
    history.push(...turn.kept, ...surface.results(turn.calls, [{ text: "rainy" }, { text: "noon" }]));
    const answer = await surface.ask(stage.post, history, stream);
    expect(answer.text).toContain("get_time says: noon");
    expect(answer.wantsResults).toBe(false);
    history.push(...answer.kept, user("Call get_weather with city=Rome"));
    const third = await surface.ask(stage.post, history, stream);
    expect(third.calls).toMatchObject([{ name: "get_weather", input: { city: "Rome" } }]);
    expect(stage.isChained()).toBe(true);
  });

  test("none: no call, whatever is asked for", async () => {
    await using stage = await stages[upstream]();
    const turn = await surface.ask(stage.post, [callBoth], stream, { choice: "none" });
    expect(turn.calls).toEqual([]);
    expect(turn.wantsResults).toBe(false);
    if (upstream === "web") expect(stage.sent()).not.toContain("<tools>");
    else expect(stage.sent()).not.toMatch(/"tool_choice":"(?:auto|required)"/);
  });

  test("required: a call, also when the model would rather talk", async () => {
    await using stage = await stages[upstream]();
    if (upstream === "web") stage.answer("I would rather talk.");
    const turn = await surface.ask(stage.post, [user("Call get_time with zone=CET")], stream, { choice: "required" });
    expect(turn.calls).toMatchObject([{ name: "get_time", input: { zone: "CET" } }]);
    expect(turn.text).not.toContain("rather");
    if (upstream === "web") expect(stage.asked()).toBe(2);
    else expect(stage.sent()).toContain('"tool_choice":"required"');
  });

  test("named: that tool, and no other", async () => {
    await using stage = await stages[upstream]();
    const turn = await surface.ask(stage.post, [user("Call get_time with zone=CET")], stream, {
      choice: { name: "get_time" },
    });
    expect(turn.calls).toMatchObject([{ name: "get_time", input: { zone: "CET" } }]);
    if (upstream === "web") expect(stage.sent()).toContain("get_time");
    else expect(stage.sent()).toContain('"tool_choice":{"type":"function","function":{"name":"get_time"}}');
  });

  test("one call at most is asked for where the client wants that", async () => {
    await using stage = await stages[upstream]();
    await surface.ask(stage.post, [user("Call get_time with zone=CET")], stream, { parallel: false });
    const expected = upstream === "web" ? "Call one tool at most." : '"parallel_tool_calls":false';
    expect(stage.sent()).toContain(expected);
  });

  test("results with pictures and errors say so", async () => {
    await using stage = await stages[upstream]();
    const history: object[] = [callBoth];
    const turn = await surface.ask(stage.post, history, stream);
    const results = [
      { text: "a map", image: true },
      { text: "no network", isError: true },
    ];
    history.push(...turn.kept, ...surface.results(turn.calls, results));
    const answer = await surface.ask(stage.post, history, stream);
    expect(answer.wantsResults).toBe(false);
    expect(stage.isChained()).toBe(true);
    const sent = stage.sent();
    if (upstream === "web") {
      expect(answer.text).toContain("a map");
      expect(answer.text).toContain("no network");
      if (surface.saysErrors) expect(answer.text).toContain("get_time failed: no network");
      return;
    }
    if (surface.saysErrors) expect(sent).toContain("The tool failed:\\nno network");
    // Behind all results of the turn, in a message of the user: servers read text in results, and nothing else.
    const sentMessages = (JSON.parse(sent) as { messages: { role: string; content: unknown }[] }).messages;
    expect(sentMessages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "tool", "user"]);
    expect(typeof sentMessages[2]?.content).toBe("string");
    expect(JSON.stringify(sentMessages[4]?.content)).toContain(pixel);
  });

  test("strict schemas reach the model as they are, and strict where the server knows that", async () => {
    await using stage = await stages[upstream]();
    const turn = await surface.ask(stage.post, [user("Call get_time with zone=CET")], stream, { strict: true });
    expect(turn.calls).toMatchObject([{ name: "get_time", input: { zone: "CET" } }]);
    const sent = stage.sent().replaceAll("\\", "");
    expect(sent).toContain('"additionalProperties":false');
    expect(sent.includes('"strict":true')).toBe(upstream === "vllm");
  });
});
