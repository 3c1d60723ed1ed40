// What was sent, in whatever pieces, has the fingerprint that the client's echo will be looked up by.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../../../src/contract/chat-request.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import { fingerprintHistory } from "../../../../src/conversation/fingerprints.ts";
import { createReplyDigest, fingerprintReply } from "../../../../src/conversation/reply-digest.ts";
import { SentReply } from "../../../../src/gateway/turns/sent-reply.ts";

const asked: Message = { role: "user", content: [{ type: "text", text: "Hello" }] };
const history = fingerprintHistory("local", [asked], []);

function noted(pieces: readonly string[]): SentReply {
  const sent = new SentReply(() => createReplyDigest(history));
  for (const piece of pieces) sent.note({ type: "text-delta", index: 0, text: jsonText(piece) });
  return sent;
}

function sentAs(pieces: readonly string[]) {
  return noted(pieces).finish();
}

describe("SentReply", () => {
  test("fingerprints any pieces like the whole text that they are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(" ", "\n", "")), { maxLength: 30 }),
        (pieces) => {
          expect(sentAs(pieces)).toEqual(fingerprintReply(history, { text: pieces.join(""), toolCalls: [] }));
        },
      ),
    );
  });

  test("fingerprints a surrogate pair that is cut between pieces", () => {
    expect(sentAs(["a😀b".slice(0, 2), "a😀b".slice(2)])).toEqual(
      fingerprintReply(history, { text: "a😀b", toolCalls: [] }),
    );
  });

  test("fingerprints a text that is longer than it keeps", () => {
    const pieces = Array.from({ length: 5000 }, (_, index) => `line ${index}  "quoted" 😀\n`);
    expect(sentAs(pieces)).toEqual(fingerprintReply(history, { text: pieces.join(""), toolCalls: [] }));
  });

  test("matches the longest prefix of the request that echoes it", () => {
    const echo: Message = { role: "assistant", content: [{ type: "text", text: " Hi  there\n" }], toolCalls: [] };
    const next = fingerprintHistory("local", [asked, echo, asked], []);
    const { unseenFrom: _index, ...prefix } = next.prefixes[0]!;
    expect(sentAs(["Hi", " ", "there"])).toEqual(prefix);
  });

  test("counts the tokens of thoughts and of calls", () => {
    const sent = noted(["Hi there"]);
    const words = sent.tokens;
    sent.note({ type: "reasoning-delta", index: 1, text: jsonText("I think about it") });
    const thoughts = sent.tokens;
    sent.note({ type: "block-start", index: 2, block: "tool-call", callIndex: 0, callId: "x", toolName: "look" });
    sent.note({ type: "tool-call-delta", index: 2, callIndex: 0, argumentsText: '{"city":"Paris"}' });
    sent.note({ type: "block-end", index: 2, block: "tool-call" });
    const counted = [0, words, thoughts, sent.tokens];

    expect(counted.toSorted((a, b) => a - b)).toEqual(counted);
    expect(new Set(counted).size).toBe(4);
  });

  test("notes calls with their arguments, however they were cut", () => {
    const sent = new SentReply(() => createReplyDigest(history));
    sent.note({ type: "block-start", index: 0, block: "tool-call", callIndex: 0, callId: "x", toolName: "look" });
    for (const argumentsText of ['{"b":1,', '"a":2}'])
      sent.note({ type: "tool-call-delta", index: 0, callIndex: 0, argumentsText });
    sent.note({ type: "block-end", index: 0, block: "tool-call" });
    const call = { callId: "other", toolName: "look", argumentsText: '{ "a": 2, "b": 1 }' };
    expect(sent.finish()).toEqual(fingerprintReply(history, { text: "", toolCalls: [call] }));
  });

  test("estimates tokens of what was sent", () => {
    const sent = new SentReply(() => createReplyDigest(history));
    sent.note({ type: "text-delta", index: 0, text: jsonText("word ".repeat(100)) });
    expect(sent.tokens).toBeGreaterThan(50);
  });

  test("knows what follows in a text that begins with all that was said, and no other", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("😀".slice(0, 1), "😀".slice(1), "x".repeat(9000)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.string({ unit: "binary" }), (pieces, rest) => {
        const said = pieces.join("");
        const sent = noted(pieces);
        expect(sent.restOf(said + rest)).toBe(rest);
        if (said === "") return;
        expect(sent.restOf(said.slice(0, -1))).toBeUndefined();
        expect(sent.restOf(`${said[0] === "y" ? "z" : "y"}${said.slice(1)}${rest}`)).toBeUndefined();
      }),
    );
  });

  test("has the same fingerprint whether it was asked what follows or not", () => {
    const pieces = ["x".repeat(20_000), "y".repeat(20_000), " and more"];
    const asked = noted(pieces);
    asked.restOf(pieces.join(""));
    expect(asked.finish()).toEqual(sentAs(pieces));
  });
});
