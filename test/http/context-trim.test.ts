// CONTEXT_TRIM over HTTP: what is sent once more after a refusal, what clients hear of it, and that nothing happens without it.

import { describe, expect, test } from "bun:test";
import { type CompatibleDialectName, compatibleDialects } from "../../src/emulator/openai-compatible-emulator.ts";
import { type DialectStage, startDialectStage } from "../support/dialect-stage.ts";
import { type Play, serveCompatible } from "../support/fake-compatible-server.ts";
import { startHarness } from "../support/harness.ts";
import { readReply } from "../support/read-reply.ts";
import { assistant, type ClientMessage, readError, system, user } from "./client.ts";

const contextTokens = 5200;
/** Ollama refuses no prompt: it cuts it. */
const refusing = compatibleDialects().filter((name) => name !== "ollama");

/** A step of an agent: 1000 tokens of a file, read and talked about. */
function step(at: number): ClientMessage[] {
  const called = { name: "read", arguments: JSON.stringify({ file: `f${at}` }) };
  return [
    user(`Read f${at}`),
    { role: "assistant", content: null, tool_calls: [{ id: `call_${at}`, type: "function", function: called }] },
    { role: "tool", tool_call_id: `call_${at}`, content: `${at}${"word".repeat(1000).slice(1)}` },
    assistant(`I have read f${at}`),
  ];
}

/** Longer than the context, and not so much that anybody could be sure before the server has counted. */
const history = [system("Be brief"), ...[1, 2, 3, 4, 5, 6].flatMap(step), user("What have you read?")];

async function start(
  dialect: CompatibleDialectName,
  environment: Readonly<Record<string, string>>,
  window = contextTokens,
): Promise<DialectStage> {
  return startDialectStage({ dialect, environment, emulator: { contextTokens: window } });
}

function toldMessages(stage: DialectStage): readonly ClientMessage[] {
  // The gateway writes a list of messages; anything else fails the assertions.
  return stage.lastBody()["messages"] as ClientMessage[];
}

const textOf = ({ role, content }: ClientMessage): string => `${role}: ${content ?? ""}`;
const logged = (stage: DialectStage, words: string): readonly string[] =>
  stage.harness.logLines.filter((line) => line.includes(words));

describe.each(refusing)("%s", (dialect) => {
  test.each([true, false])("oldest-turns leaves the oldest out after a refusal, stream %p", async (stream) => {
    await using stage = await start(dialect, { CONTEXT_TRIM: "oldest-turns" });
    const reply = await readReply(await stage.chat({ stream, messages: history }));

    expect(reply).toMatchObject({ status: 200, finish: "stop" });
    expect(stage.completions()).toHaveLength(2);
    const told = toldMessages(stage);
    const left = history.length - told.length;
    expect([left > 0, left % 4]).toEqual([true, 0]);
    expect(told.map(textOf)).toEqual([history[0]!, ...history.slice(left + 1)].map(textOf));
    expect(reply.headers.get("x-context-trimmed")).toBe(String(left));
    expect(reply.headers.get("x-attempts")).toBe("2");
  });

  test.each([true, false])("tool-results shortens the oldest after a refusal, stream %p", async (stream) => {
    await using stage = await start(dialect, { CONTEXT_TRIM: "tool-results" });
    const reply = await readReply(await stage.chat({ stream, messages: history }));

    expect(reply).toMatchObject({ status: 200, finish: "stop" });
    const told = toldMessages(stage);
    expect(told.map(({ role }) => role)).toEqual(history.map(({ role }) => role));
    const changed = [...told.keys()].filter((index) => textOf(told[index]!) !== textOf(history[index]!));
    expect(changed).toEqual(changed.map((_, count) => 3 + count * 4));
    expect(told[3]).toMatchObject({ role: "tool", tool_call_id: "call_1" });
    expect(told[3]?.content).toContain("[... 2800 characters left out ...]");
    expect(reply.headers.get("x-context-trimmed")).toBe(String(changed.length));
  });

  test("off, which is the default, leaves the refusal to the client", async () => {
    await using stage = await start(dialect, {});
    const reply = await readReply(await stage.chat({ stream: true, messages: history }));

    expect(reply).toMatchObject({ status: 400, error: { code: "context_length_exceeded" } });
    expect(reply.headers.get("x-context-trimmed")).toBeNull();
    expect(stage.completions()).toHaveLength(1);
    expect(toldMessages(stage)).toHaveLength(history.length);
  });

  test("a last message that is too long by itself is refused in the words by which agents compact", async () => {
    await using stage = await start(dialect, { CONTEXT_TRIM: "both" });
    const messages = [...history, assistant("Six files"), user("word ".repeat(6000))];
    const reply = await readReply(await stage.chat({ stream: true, messages }));

    expect(reply).toMatchObject({ status: 400, error: { code: "context_length_exceeded" } });
    expect(reply.error?.message).toMatch(/prompt is too long.*maximum context length/i);
    expect(stage.completions()).toHaveLength(1);
  });
});

describe("CONTEXT_TRIM", () => {
  test("both shortens results first, and leaves turns out where that is not enough", async () => {
    await using stage = await start("vllm", { CONTEXT_TRIM: "both" }, 1500);
    const reply = await readReply(await stage.chat({ stream: true, messages: history }));

    const told = toldMessages(stage);
    expect(reply.status).toBe(200);
    expect(told.length).toBeLessThan(history.length);
    expect(told.filter(({ role }) => role === "tool").every(({ content }) => String(content).length < 1300)).toBe(true);
    expect(told.at(-1)).toEqual(user("What have you read?"));
  });

  test("shortens at once what clearly exceeds the context that the server tells of", async () => {
    await using stage = await start("vllm", { CONTEXT_TRIM: "oldest-turns" }, 3000);
    await stage.harness.get("/v1/models");
    const reply = await readReply(await stage.chat({ stream: true, messages: history, model: "Qwen/Qwen3.6-27B" }));

    expect([reply.status, stage.completions().length]).toEqual([200, 1]);
    expect(Number(reply.headers.get("x-context-trimmed"))).toBeGreaterThan(0);
    expect(reply.headers.get("x-attempts")).toBe("1");
  });

  test("passes a request that fits on as it came", async () => {
    const server = serveCompatible([saying("Hello")], models);
    await using _server = server;
    await using harness = await startHarness({
      environment: { UPSTREAMS: upstreamsAt(server.url), CONTEXT_TRIM: "both" },
    });
    const body =
      '{ "stream": true,  "messages": [{"content":"Hi","role":"user","x":1}], "model":"local","stream_options":{"include_usage":true}}';
    const reply = await readReply(await harness.chat(body));

    expect(reply.headers.get("x-context-trimmed")).toBeNull();
    expect(new TextDecoder().decode(server.completions[0]?.bytes)).toBe(body);
  });

  test("keeps the names and marks of the messages that are left", async () => {
    await using stage = await start("vllm", { CONTEXT_TRIM: "oldest-turns" });
    const messages = [...history.slice(0, -1), { ...user("What have you read?"), name: "ann" }];
    await readReply(await stage.chat({ stream: true, messages, temperature: 0.5 }));

    expect(toldMessages(stage).at(-1)).toEqual({ ...user("What have you read?"), name: "ann" });
    expect(stage.lastBody()["temperature"]).toBe(0.5);
  });

  test("counts as an attempt: without a second one the refusal stands", async () => {
    await using stage = await start("vllm", { CONTEXT_TRIM: "both", RETRY_MAX_ATTEMPTS: "1" });
    const reply = await readReply(await stage.chat({ stream: true, messages: history }));

    expect(reply).toMatchObject({ status: 400, error: { code: "context_length_exceeded" } });
    expect(stage.completions()).toHaveLength(1);
  });

  test("tries no third time, and tells the client of its own prompt", async () => {
    await using stage = await start("vllm", { CONTEXT_TRIM: "both" });
    const words = (tokens: number) =>
      `This model's maximum context length is 5200 tokens. However, your messages resulted in ${tokens} tokens.`;
    for (const tokens of [6300, 5300]) {
      stage.emulator.script({ refuse: { name: "context-too-long", message: words(tokens) } });
    }
    const reply = await readReply(await stage.chat({ stream: true, messages: history }));

    expect(reply.status).toBe(400);
    expect(reply.error?.message).toContain("6300 tokens > 5200 maximum");
    expect(stage.completions()).toHaveLength(2);
  });

  test("sends the shortened one again when the server fails it", async () => {
    await using stage = await start("vllm", { CONTEXT_TRIM: "oldest-turns" });
    const refuse = {
      name: "context-too-long",
      message: "This model's maximum context length is 5200 tokens.",
    } as const;
    stage.emulator.script({ refuse });
    stage.emulator.script({ refuse: "internal-error" });
    const reply = await readReply(await stage.chat({ stream: true, messages: history }));

    expect(reply.status).toBe(200);
    // The gateway writes a list of messages; anything else fails the assertions.
    const lengths = stage.completions().map(({ body }) => (body as { messages: unknown[] }).messages.length);
    expect(lengths).toEqual([history.length, lengths[1]!, lengths[1]!]);
    expect(lengths[1]).toBeLessThan(history.length);
  });

  test("is told in the log, and nothing of what was said is", async () => {
    await using stage = await start("vllm", { CONTEXT_TRIM: "oldest-turns" });
    const reply = await readReply(await stage.chat({ stream: true, messages: history }));

    const trimmed = Number(reply.headers.get("x-context-trimmed"));
    const [line] = logged(stage, "is sent once more, shortened");
    expect(JSON.parse(line ?? "{}")).toMatchObject({ strategy: "oldest-turns", trimmedMessages: trimmed });
    const [ended] = logged(stage, '"exchange"');
    expect(JSON.parse(ended ?? "{}")).toMatchObject({ trimmedMessages: trimmed, attempts: 2 });
    expect(stage.harness.logLines.join("\n")).not.toContain("1111");
  });

  test("shortens what a thin session has said before, and forgets none of it", async () => {
    const refusal: Play = {
      status: 400,
      body: JSON.stringify({
        error: {
          message:
            "This model's maximum context length is 1000 tokens. However, your messages resulted in 1300 tokens.",
        },
      }),
    };
    const server = serveCompatible([saying("one"), saying("two"), refusal, saying("three"), saying("four")], models);
    await using _server = server;
    await using harness = await startHarness({
      environment: { UPSTREAMS: upstreamsAt(server.url), CONTEXT_TRIM: "oldest-turns" },
    });
    const say = async (text: string) =>
      readReply(await harness.chat({ model: "local", stream: true, session_id: "s1", messages: [user(text)] }));
    const told = (at: number) => ((server.completions[at]?.body?.["messages"] ?? []) as ClientMessage[]).map(textOf);
    const long = "word".repeat(600);
    await say(long);
    await say(long);
    const reply = await say("and now?");
    await say("more");

    expect(reply).toMatchObject({ status: 200, text: "three" });
    expect(reply.headers.get("x-context-trimmed")).toBe("2");
    expect(told(3)).toEqual([`user: ${long}`, "assistant: two", "user: and now?"]);
    // Nobody has refused that one.
    expect(told(4)).toHaveLength(7);
  });

  test("leaves web accounts alone, which keep the conversation themselves", async () => {
    await using harness = await startHarness({
      environment: { CONTEXT_TRIM: "both", QWEN_MAX_MESSAGE_CHARS: "1000", QWEN_UPLOAD: "false" },
    });
    const messages = [user("word ".repeat(300)), assistant("Noted"), user("and now?")];
    const answer = await readError(await harness.chat({ stream: true, messages }));

    expect(answer).toMatchObject({ status: 400, error: { code: "context_length_exceeded" } });
  });
});

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

function saying(text: string): Play {
  return {
    body: `${chunk({ role: "assistant", content: "" })}${chunk({ content: text })}${chunk({}, "stop")}data: [DONE]\n\n`,
  };
}

function upstreamsAt(url: string): string {
  return JSON.stringify([{ name: "home", dialect: "vllm", base_url: url }]);
}

const models = { "/v1/models": { body: '{"object":"list","data":[{"id":"local","object":"model"}]}' } };
