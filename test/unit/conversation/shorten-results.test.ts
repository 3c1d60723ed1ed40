// Which results of tools are shortened, in which order, and to what.

import { describe, expect, test } from "bun:test";
import type { Message } from "../../../src/contract/chat-request.ts";
import { LongText } from "../../../src/conversation/long-text.ts";
import { shortenResults } from "../../../src/conversation/shorten-results.ts";
import { assistant, call, result, system, user } from "./messages.ts";

const long = `${"a".repeat(5000)}${"e".repeat(5000)}`;
const short = `${"a".repeat(800)}\n[... 8800 characters left out ...]\n${"e".repeat(400)}`;
const everything = Number.POSITIVE_INFINITY;

const step = (id: string, text: string): Message[] => [assistant(undefined, call(id, "read", "{}")), result(id, text)];
const textsOf = (messages: readonly Message[]): string[] =>
  messages.flatMap((message) => message.content.map((part) => (part.type === "text" ? part.text : part.type)));

describe("shortenResults", () => {
  test("takes the middle out of a long result and says how much", () => {
    const [, , shortened] = shortenResults(
      [user("go"), ...step("1", long), assistant("Read"), user("now")],
      1,
    ).messages;
    expect(shortened).toEqual(result("1", short));
  });

  test("shortens the oldest results first, until enough is gone", () => {
    const messages = [
      user("go"),
      ...step("1", long),
      ...step("2", long),
      ...step("3", long),
      assistant("x"),
      user("y"),
    ];
    const { messages: trimmed, freedTokens } = shortenResults(messages, 3000);
    expect(trimmed.map((message, index) => message === messages[index])).toEqual([
      true,
      true,
      false,
      true,
      false,
      ...[true, true, true, true],
    ]);
    expect(freedTokens).toBeGreaterThan(3000);
    expect(freedTokens).toBeLessThan(5000);
  });

  test("leaves results alone that the model has not answered yet", () => {
    const newest = [
      assistant(undefined, call("2", "read", "{}"), call("3", "read", "{}")),
      result("2", long),
      result("3", long),
    ];
    const messages = [user("go"), ...step("1", long), ...newest];
    expect(textsOf(shortenResults(messages, everything).messages)).toEqual(["go", short, long, long]);
    const begun = [...messages, assistant("The beginning of an answer")];
    expect(textsOf(shortenResults(begun, everything).messages).slice(0, 4)).toEqual(["go", short, long, long]);
  });

  test("leaves short results, and everything that is no result, as it is", () => {
    const messages = [
      system(long),
      user(long),
      assistant(long, call("1", "read", long)),
      result("1", "a".repeat(2000)),
      assistant("x"),
      user("y"),
    ];
    const trimmed = shortenResults(messages, everything);
    expect(trimmed).toEqual({ messages, freedTokens: 0 });
    expect(trimmed.messages.every((message, index) => message === messages[index])).toBe(true);
  });

  test("shortens each text of a result, and keeps pictures and the mark of an error", () => {
    const image = { type: "image", url: "data:image/png;base64,AAAA" } as const;
    const shot: Message = { role: "tool", callId: "1", isError: true, content: [{ type: "text", text: long }, image] };
    const messages = [user("go"), assistant(undefined, call("1", "shoot", "{}")), shot, assistant("x"), user("y")];
    expect(shortenResults(messages, 1).messages[2]).toEqual({
      ...shot,
      content: [{ type: "text", text: short }, image],
    });
  });

  test("reads a text that is still bytes", () => {
    const bytes: Message = { role: "tool", callId: "1", content: [new LongText(Buffer.from(long))] };
    const messages = [user("go"), assistant(undefined, call("1", "read", "{}")), bytes, assistant("x"), user("y")];
    expect(textsOf(shortenResults(messages, 1).messages)[1]).toBe(short);
  });

  test("cuts no character in two", () => {
    const messages = [user("go"), ...step("1", `a${"🙂".repeat(3000)}a`), assistant("x"), user("y")];
    const text = textsOf(shortenResults(messages, 1).messages)[1] ?? "";
    expect(text.isWellFormed()).toBe(true);
    expect(text).toContain("[... 4802 characters left out ...]");
  });
});
