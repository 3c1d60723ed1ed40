// What was said as the history keeps it: bounded, new messages only, the newest first to be kept.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../../src/contract/chat-request.ts";
import { cutText, ReplyContent, requestContent } from "../../../src/history/exchange-content.ts";
import { PassedReply } from "../../../src/history/passed-reply.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const said = (role: "user" | "system", text: string): Message => ({ role, content: [{ type: "text", text }] });
const answered: Message = { role: "assistant", content: [{ type: "text", text: "Hello" }], toolCalls: [] };

describe("requestContent", () => {
  test("keeps the messages since the last answer, and counts those before", () => {
    const messages = [said("system", "Be kind"), said("user", "Hi"), answered, said("user", "And now?")];

    expect(JSON.parse(requestContent(messages, 4096))).toEqual({
      messages: [{ role: "user", text: "And now?" }],
      earlier_messages: 3,
    });
  });

  test("keeps all of a first request, its files as a number", () => {
    const photo: Message = {
      role: "user",
      content: [
        { type: "text", text: "What is it?" },
        { type: "image", url: "data:image/png;base64,AAAA" },
      ],
    };

    expect(JSON.parse(requestContent([said("system", "Be kind"), photo], 4096))).toEqual({
      messages: [
        { role: "system", text: "Be kind" },
        { role: "user", text: "What is it?", files: 1 },
      ],
    });
  });

  test("cuts the oldest first when they are too long, and says so", () => {
    const messages = [said("system", "s".repeat(5000)), said("user", "u".repeat(700))];
    const kept = JSON.parse(requestContent(messages, 2048));

    expect(kept.messages[1]).toEqual({ role: "user", text: "u".repeat(700) });
    expect(kept.messages[0].text).toMatch(/^s{100,}$/);
    expect(kept.is_cut).toBe(true);
  });

  test("names how many messages found no room at all", () => {
    const messages = Array.from({ length: 40 }, (_, index) => said("user", `${index} ${"x".repeat(200)}`));
    const kept = JSON.parse(requestContent(messages, 2048));

    expect(kept.messages.at(-1).text).toStartWith("39 ");
    expect(kept.messages.length + kept.omitted_messages).toBe(40);
  });

  test("is never longer than its bound, whatever is said", () => {
    const texts = fc.array(fc.string({ unit: "binary", maxLength: 3000 }), { maxLength: 20 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1024, max: 8192 }), (all, bound) => {
        const json = requestContent(
          all.map((text) => said("user", text)),
          bound,
        );
        expect(Buffer.byteLength(json)).toBeLessThanOrEqual(bound);
        JSON.parse(json);
      }),
    );
  });
});

describe("ReplyContent", () => {
  test("keeps text, thoughts and calls", () => {
    const content = new ReplyContent(4096);
    content.reasoning("Hm");
    content.text("Let me ");
    content.text("look");
    content.call("a", "weather");
    content.callArguments("a", '{"city"');
    content.callArguments("a", ':"Köln"}');

    expect(JSON.parse(content.toJson())).toEqual({
      text: "Let me look",
      reasoning: "Hm",
      tool_calls: [{ id: "a", name: "weather", arguments: '{"city":"Köln"}' }],
    });
  });

  test("forgets an attempt that is begun anew", () => {
    const content = new ReplyContent(4096);
    content.text("Half of");
    content.clear();
    content.text("Whole");

    expect(JSON.parse(content.toJson())).toEqual({ text: "Whole" });
  });

  test("is never longer than its bound, and says that it was cut", () => {
    const pieces = fc.array(fc.tuple(fc.constantFrom("text", "reasoning", "call"), fc.string({ unit: "binary" })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 512, max: 2048 }), (all, bound) => {
        const content = new ReplyContent(bound);
        let told = 0;
        for (const [kind, text] of all) {
          if (kind === "text") content.text(text);
          else if (kind === "reasoning") content.reasoning(text);
          else {
            content.call(text, "tool");
            content.callArguments(text, text);
          }
          told += text.length;
        }
        const json = content.toJson();
        expect(Buffer.byteLength(json)).toBeLessThanOrEqual(bound);
        if (told > bound) expect(JSON.parse(json).is_cut).toBe(true);
      }),
    );
  });
});

test("cutText leaves no half of a character", () => {
  expect(cutText("ab😀", 8)).not.toContain("\ud83d");
  expect(cutText("天气很好", 8)).toBe("天气");
});

describe("PassedReply", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const read = (...parts: readonly string[]): unknown => {
    const content = new ReplyContent(4096);
    const passed = new PassedReply(content);
    for (const part of parts) passed.read(bytes(`x${part}y`), 1, 1 + bytes(part).length);
    return JSON.parse(content.toJson());
  };
  const frame = (delta: unknown, index = 0): string => `data: ${JSON.stringify({ choices: [{ index, delta }] })}\n\n`;

  test("reads text, thoughts and calls out of frames that were passed on", () => {
    const told = read(
      frame({ role: "assistant", content: "" }) + frame({ reasoning_content: "Hm" }),
      `${frame({ content: "天" })}: comment\n\n${frame({ content: "气" })}${frame({ content: "other answer" }, 1)}`,
      frame({ tool_calls: [{ index: 0, id: "c1", function: { name: "look", arguments: "" } }] }),
      frame({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
      "data: [DONE]\n\n",
    );

    expect(told).toEqual({
      text: "天气",
      reasoning: "Hm",
      tool_calls: [{ id: "c1", name: "look", arguments: "{}" }],
    });
  });

  test("reads a whole answer, and passes over what it cannot read", () => {
    expect(read('{"choices":[{"message":{"content":"Hi","tool_calls":null}}]}')).toEqual({ text: "Hi" });
    expect(read("data: {broken\n\n", '{"choices":', '{"choices":[null,{"delta":3}]}')).toEqual({ text: "" });
  });
});
