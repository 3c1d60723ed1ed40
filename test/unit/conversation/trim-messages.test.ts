// The strategies one by one and together, and what is told of what they did.

import { describe, expect, test } from "bun:test";
import type { Message } from "../../../src/contract/chat-request.ts";
import { estimateMessages, estimatePrompt, estimatePromptRoughly } from "../../../src/conversation/estimate-prompt.ts";
import { noteGrowth } from "../../../src/conversation/grown-lists.ts";
import { LongText } from "../../../src/conversation/long-text.ts";
import { trimMessages } from "../../../src/conversation/trim-messages.ts";
import { assistant, call, result, system, user } from "./messages.ts";

const long = "word ".repeat(2000);
const messages = [
  system("Be kind"),
  user("first"),
  assistant(undefined, call("1", "read", "{}")),
  result("1", long),
  assistant("Read"),
  user("second"),
  assistant(undefined, call("2", "read", "{}")),
  result("2", long),
  assistant("Read again"),
  user("third"),
];
const all = messages.map((_, index) => index);

describe("trimMessages", () => {
  test("changes nothing that fits", () => {
    const trimmed = trimMessages(messages, "both", 100_000);
    expect(trimmed).toEqual({ messages, kept: all, changed: 0, tokens: estimateMessages(messages) });
  });

  test("oldest-turns drops turns and shortens nothing", () => {
    const trimmed = trimMessages(messages, "oldest-turns", 3000);
    expect(trimmed).toMatchObject({ kept: [0, 5, 6, 7, 8, 9], changed: 4 });
    expect(trimmed.messages).toEqual(trimmed.kept.map((index) => messages[index]!));
    expect(trimmed.tokens).toBe(estimateMessages(trimmed.messages));
  });

  test("tool-results shortens results and drops nothing", () => {
    const trimmed = trimMessages(messages, "tool-results", 3000);
    expect(trimmed).toMatchObject({ kept: all, changed: 1 });
    expect(trimmed.messages).toHaveLength(messages.length);
    expect(trimmed.tokens).toBe(estimateMessages(trimmed.messages));
  });

  test("both drops turns only when shorter results are not enough", () => {
    expect(trimMessages(messages, "both", 1000)).toMatchObject({ kept: all, changed: 2 });
    const trimmed = trimMessages(messages, "both", 350);
    // Four messages are gone, and of those that are left one is shorter.
    expect(trimmed).toMatchObject({ kept: [0, 5, 6, 7, 8, 9], changed: 5 });
    expect(trimmed.tokens).toBe(estimateMessages(trimmed.messages));
  });

  test("does as much as it may when that is not enough", () => {
    expect(trimMessages(messages, "oldest-turns", 1)).toMatchObject({ kept: [0, 9], changed: 8 });
    expect(trimMessages(messages, "tool-results", 1)).toMatchObject({ kept: all, changed: 2 });
  });
});

describe("estimatePrompt", () => {
  test("counts texts, calls, pictures, and what a tool says of itself", () => {
    const said = [user("four words of text"), assistant(undefined, call("1", "read", '{"path":"a"}'))];
    const picture = { role: "user", content: [{ type: "image", url: "data:image/png;base64,AAAA" }] } as const;
    const tool = { name: "read", description: "Reads a file", parameters: { type: "object" } };
    const plain = estimatePrompt({ messages: said, tools: [] });
    expect(plain).toBe(4 + 4 + 4 + 6);
    expect(estimatePrompt({ messages: [...said, picture], tools: [] })).toBeGreaterThan(plain + 500);
    expect(estimatePrompt({ messages: said, tools: [tool] })).toBeGreaterThan(plain + 10);
  });
});

/** As Python writes JSON. */
function escaped(json: string): string {
  return json.replace(/[^\0-\x7f]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

describe("estimatePromptRoughly", () => {
  const sentence = "The gateway keeps the conversation (2026-11-27), keeps the stream alive, and loses nothing.\n";

  test("is the whole estimate of a short prompt", () => {
    const prompt = { messages: [user(sentence.repeat(20)), assistant("Yes."), user("go on")], tools: [] };
    expect(estimatePromptRoughly(prompt)).toBe(estimatePrompt(prompt));
  });

  test.each([
    ["one long text", [user(sentence.repeat(5000))]],
    ["many messages", Array.from({ length: 400 }, (_, index) => user(sentence.repeat(1 + (index % 20))))],
  ])("is within 5 % of it for %s", (_, said) => {
    const prompt = { messages: said, tools: [] };
    expect(Math.abs(estimatePromptRoughly(prompt) / estimatePrompt(prompt) - 1)).toBeLessThan(0.05);
  });

  test.each([
    ["as they are", (text: string) => JSON.stringify(text)],
    ["with escapes for all that is not ASCII", (text: string) => escaped(JSON.stringify(text))],
  ])("is within 5 %% of it for long texts that stay bytes, %s", (_, spell) => {
    const said = `${sentence}\tif (text === "你好") {\n\t\treturn 'Привет';\n\t}\n`.repeat(300);
    const long = (): Message => ({ role: "user", content: [new LongText(Buffer.from(spell(said).slice(1, -1)))] });
    const prompt = { messages: [long(), assistant("Yes."), long(), user("go on")], tools: [] };
    expect(Math.abs(estimatePromptRoughly(prompt) / estimatePrompt(prompt) - 1)).toBeLessThan(0.05);
  });

  test("stays within 5 % of it while a list grows, also by more than is looked at", () => {
    let said: readonly Message[] = [system(sentence.repeat(300)), user(sentence.repeat(900))];
    for (let turn = 0; turn < 40; turn++) {
      const prompt = { messages: said, tools: [] };
      expect(Math.abs(estimatePromptRoughly(prompt) / estimatePrompt(prompt) - 1)).toBeLessThan(0.05);
      const more = [assistant(sentence), user(turn === 20 ? "if (a) {\n".repeat(20_000) : sentence.repeat(turn))];
      const grown = [...said, ...more];
      noteGrowth(grown, said, said.length);
      said = grown;
    }
  });

  test("counts tools as the whole estimate does", () => {
    const tools = [{ name: "read", description: sentence.repeat(30), parameters: { type: "object" } }];
    const prompt = { messages: [user(sentence.repeat(20))], tools };
    expect(estimatePromptRoughly(prompt)).toBe(estimatePrompt(prompt));
  });
});
