// Thoughts of a model: one canonical place, shown as each surface has it, as tags, or not at all; and taken back in every
// form, so that the next turn continues the same chat.

import { describe, expect, test } from "bun:test";
import { startDialectStage } from "../support/dialect-stage.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { acceptedTurns, bodyOf, user } from "./client.ts";
import { readMessage } from "../support/read-message.ts";
import { readAnswer } from "./responses-client.ts";

interface Seen {
  readonly text: string;
  readonly thoughts: string;
  readonly kept: readonly object[];
}

interface Surface {
  readonly name: string;
  readonly ask: (text: string) => object;
  /** Fields that ask for JSON. */
  readonly form: object;
  read(
    harness: Pick<Harness, "post">,
    history: readonly object[],
    stream: boolean,
    headers: object,
    form?: object,
  ): Promise<Seen>;
}

const schema = { type: "object", properties: { sum: { type: "number" } }, required: ["sum"] };

const chat: Surface = {
  name: "chat",
  ask: user,
  form: { response_format: { type: "json_schema", json_schema: { name: "sum", schema } } },
  async read(harness, messages, stream, headers, form) {
    const body = { ...form, stream, enable_thinking: true, messages };
    const response = await harness.post("/v1/chat/completions", body, { headers: { ...headers } });
    const text = await bodyOf(response);
    const pieces = stream
      ? text
          .split("\n")
          .filter((line) => line.startsWith("data: {"))
          .map((line) => JSON.parse(line.slice(6)).choices[0]?.delta ?? {})
      : [JSON.parse(text).choices[0].message];
    const join = (field: string) => pieces.map((piece) => piece[field] ?? "").join("");
    const thoughts = join("reasoning_content");
    const kept = { role: "assistant", content: join("content"), ...(thoughts ? { reasoning_content: thoughts } : {}) };
    return { text: join("content"), thoughts, kept: [kept] };
  },
};

const responses: Surface = {
  name: "responses",
  ask: user,
  form: { text: { format: { type: "json_schema", name: "sum", schema } } },
  async read(harness, input, stream, headers, form) {
    const body = { ...form, stream, store: false, reasoning: { effort: "high" }, input };
    const answer = await readAnswer(await harness.post("/v1/responses", body, { headers: { ...headers } }));
    const summaries = answer.items.flatMap((item) => (item["summary"] ?? []) as { text: string }[]);
    return { text: answer.text, thoughts: summaries.map(({ text }) => text).join(""), kept: answer.items };
  },
};

const messages: Surface = {
  name: "messages",
  ask: user,
  form: { output_config: { format: { type: "json_schema", schema } } },
  async read(harness, history, stream, headers, form) {
    const thinking = { type: "enabled", budget_tokens: 1024 };
    const body = { ...form, stream, max_tokens: 2000, thinking, messages: history };
    const message = await readMessage(await harness.post("/v1/messages", body, { headers: { ...headers } }));
    const join = (field: "text" | "thinking") => message.content.map((block) => block[field] ?? "").join("");
    return { text: join("text"), thoughts: join("thinking"), kept: [{ role: "assistant", content: message.content }] };
  },
};

const surfaces = [chat, responses, messages];
const cases = surfaces.flatMap((surface) => [true, false].map((stream) => ({ surface, stream, name: surface.name })));
const thought = "I add two and two.";
const answer = "It is four.";
const tagged = `<think>\n${thought}\n</think>\n\n${answer}`;
const shown = [
  ["field", { text: answer, thoughts: thought }],
  ["tags", { text: tagged, thoughts: "" }],
  ["hidden", { text: answer, thoughts: "" }],
] as const;

describe.each(cases)("$name, streamed: $stream", ({ surface, stream }) => {
  test.each(shown)("shown as %s, and the next turn continues the same chat", async (display, expected) => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { thinking: thought, text: answer } });
    const headers = { "x-reasoning-display": display };
    const first = await surface.read(harness, [surface.ask("2+2?")], stream, headers);
    expect(first).toMatchObject(expected);

    await surface.read(harness, [surface.ask("2+2?"), ...first.kept, surface.ask("Say: fine")], stream, headers);
    const [one, two] = acceptedTurns(harness);
    expect(two).toMatchObject({ chatId: one?.chatId, parentId: one?.responseId, content: "Say: fine" });
  });

  test("tags and the answer behind them are one block of text", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { thinking: thought, text: answer } });
    const { kept } = await surface.read(harness, [surface.ask("2+2?")], stream, { "x-reasoning-display": "tags" });
    expect(kept).toHaveLength(1);
    const [message] = kept as { content: string | object[] }[];
    expect([message?.content].flat()).toHaveLength(1);
  });

  test("an answer that has to be JSON has no tags in it", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { thinking: thought, text: '{"sum":4}' } });
    const asked = surface.ask("2+2? As JSON");
    const headers = { "x-reasoning-display": "tags" };
    const seen = await surface.read(harness, [asked], stream, headers, surface.form);
    expect(seen).toMatchObject({ text: '{"sum":4}', thoughts: thought });
  });

  test("tags that a client has taken out of its history, or put into it, do not matter", async () => {
    await using harness = await startHarness();
    harness.emulator.script({ reply: { thinking: thought, text: answer } });
    await surface.read(harness, [surface.ask("2+2?")], stream, { "x-reasoning-display": "tags" });
    const without = { role: "assistant", content: answer };
    await surface.read(harness, [surface.ask("2+2?"), without, surface.ask("Say: one")], stream, {});
    const withTags = { role: "assistant", content: tagged };
    await surface.read(harness, [surface.ask("2+2?"), withTags, surface.ask("Say: two")], stream, {});

    const [first, second, third] = acceptedTurns(harness);
    expect(second).toMatchObject({ parentId: first?.responseId, content: "Say: one" });
    expect(third).toMatchObject({ parentId: first?.responseId, content: "Say: two" });
  });

  test("of the web backend, too, should it leave tags in its text: the next turn continues the same chat", async () => {
    await using harness = await startHarness();
    for (const chunks of [
      ["<thi", `nk>${thought}</thi`, `nk>\n\n${answer}`],
      ["\n", "<think>", thought, "</think>", "It is", " four", "."],
    ]) {
      harness.emulator.script({ reply: { chunks } });
      const ask = surface.ask(`2+2? ${chunks.length}`);
      const first = await surface.read(harness, [ask], stream, {});
      expect(first).toMatchObject({ text: answer, thoughts: thought });
      await surface.read(harness, [ask, ...first.kept, surface.ask("Say: fine")], stream, {});
      const [one, two] = acceptedTurns(harness).slice(-2);
      expect(two).toMatchObject({ chatId: one?.chatId, parentId: one?.responseId, content: "Say: fine" });
    }
    for (const text of ["<b>Four</b> it is", "< 5", "\n\nFour <think>x</think>", "  ", "<think"]) {
      harness.emulator.script({ reply: { text, deltaChars: 1 } });
      expect((await surface.read(harness, [surface.ask(`Say ${text}`)], stream, {})).text).toBe(text);
    }
  });

  test("of a server that leaves its tags in the text, they are thoughts all the same", async () => {
    await using stage = await startDialectStage({ dialect: "generic" });
    stage.emulator.script({ times: "always", reply: { chunks: ["<thi", `nk>${thought}</thi`, `nk>\n\n${answer}`] } });
    const seen = await surface.read(stage.harness, [surface.ask("2+2?")], stream, {});
    expect(seen).toMatchObject({ text: answer, thoughts: thought });
    const hidden = await surface.read(stage.harness, [surface.ask("2+2?")], stream, {
      "x-reasoning-display": "hidden",
    });
    expect(hidden).toMatchObject({ text: answer, thoughts: "" });
  });
});

describe("the display", () => {
  const ask = { model: "qwen3-max", enable_thinking: true, messages: [user("2+2?")] };
  const contentOf = async (response: Response) => JSON.parse(await bodyOf(response)).choices[0].message;

  test("is a setting; a header goes before it, a field before the header", async () => {
    await using harness = await startHarness({ environment: { REASONING_DISPLAY: "tags" } });
    harness.emulator.script({ times: "always", reply: { thinking: thought, text: answer } });
    expect((await contentOf(await harness.chat(ask))).content).toBe(tagged);
    const headers = { "x-reasoning-display": "hidden" };
    const hidden = await contentOf(await harness.chat(ask, { headers }));
    expect(hidden).toMatchObject({ content: answer });
    expect(hidden.reasoning_content).toBeUndefined();
    const parsed = await contentOf(await harness.chat({ ...ask, reasoning_format: "parsed" }, { headers }));
    expect(parsed.reasoning_content).toBe(thought);
  });

  test.each([{ include_reasoning: false }, { reasoning: { exclude: true } }, { reasoning_format: "hidden" }])(
    "is hidden by %p",
    async (field) => {
      await using harness = await startHarness();
      harness.emulator.script({ times: "always", reply: { thinking: thought, text: answer } });
      for (const stream of [true, false]) {
        const body = await bodyOf(await harness.chat({ ...ask, ...field, stream }));
        expect(body).toContain(answer.split(" ")[0] ?? "");
        expect(body).not.toContain("two and two");
      }
    },
  );

  test("that nobody knows is named", async () => {
    await using harness = await startHarness();
    const response = await harness.chat(ask, { headers: { "x-reasoning-display": "loud" } });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("x-reasoning-display");
  });

  test("holds for servers whose frames are passed on otherwise", async () => {
    await using stage = await startDialectStage({ dialect: "vllm" });
    stage.emulator.script({ times: "always", reply: { reasoning: thought, text: answer } });
    for (const stream of [true, false]) {
      const seen = await chat.read(stage.harness, [user("2+2?")], stream, { "x-reasoning-display": "tags" });
      expect(seen).toMatchObject({ text: tagged, thoughts: "" });
    }
  });

  test("tells a stateless server the thoughts apart from the answer, wherever its client keeps them", async () => {
    await using stage = await startDialectStage({ dialect: "dashscope" });
    const history = [user("2+2?"), { role: "assistant", content: tagged }, user("Sure?")];
    await chat.read(stage.harness, history, true, {});
    expect((stage.lastBody()["messages"] as object[])[1]).toMatchObject({
      content: answer,
      reasoning_content: thought,
    });
  });
});
