// Histories that grow, and are edited on the way: fingerprints that go on from what is known are those made anew.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Message, ToolDefinition } from "../../src/contract/chat-request.ts";
import { fingerprintHistory, type HistoryFingerprints } from "../../src/conversation/fingerprints.ts";
import { noteGrowth } from "../../src/conversation/grown-lists.ts";
import { createKnownPrefixes } from "../../src/conversation/known-prefixes.ts";
import { LongText } from "../../src/conversation/long-text.ts";
import { fingerprintReply } from "../../src/conversation/reply-digest.ts";
import { patienceMs, runsOf } from "./runs.ts";

const words = fc.constantFrom("", " ", "a", "b", "a b", "你好", "(no content)", "long ".repeat(120));
const part = fc.oneof(
  words.map((text) => ({ type: "text" as const, text })),
  words.map((text) => new LongText(Buffer.from(text))),
  words.map((text) => ({ type: "image" as const, url: `data:image/png;base64,${btoa(String(text.length))}` })),
);
const content = fc.array(part, { maxLength: 2 });
const callId = fc.constantFrom("1", "2", "3");
const call = fc.record({
  callId,
  toolName: fc.constantFrom("f", "g"),
  argumentsText: fc.constantFrom("{}", '{"a":1}'),
});
const message: fc.Arbitrary<Message> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ role: fc.constant("user" as const), content }) },
  {
    weight: 4,
    arbitrary: fc.record({
      role: fc.constant("assistant" as const),
      content,
      toolCalls: fc.array(call, { maxLength: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ role: fc.constant("tool" as const), callId, content }) },
  { weight: 1, arbitrary: fc.record({ role: fc.constant("system" as const), content }) },
);

/** What happens to a history between two requests: some of its end is taken away, one message is another, more follow. */
const step = fc.record({
  cut: fc.nat({ max: 3 }),
  edited: fc.option(fc.tuple(fc.nat({ max: 40 }), message)),
  more: fc.array(message, { maxLength: 5 }),
});

function applied(
  messages: readonly Message[],
  { cut, edited, more }: typeof step extends fc.Arbitrary<infer S> ? S : never,
) {
  const changed = [...messages.slice(0, messages.length - cut), ...more];
  const [at, other] = edited ?? [0, undefined];
  return other === undefined || at >= changed.length ? changed : changed.with(at, other);
}

/** Of the tip what it is for: messages without any words may stand in it. */
function seen(history: HistoryFingerprints) {
  return { ...history, tip: fingerprintReply(history, { text: "Done", toolCalls: [] }) };
}

/** Agents ask for a title or a summary without the tools that they work with. */
const withDefault: ToolDefinition = {
  name: "f",
  description: undefined,
  parameters: { properties: { a: { default: 1 } } },
};

test(
  "fingerprints of a history that grows are those of one that nobody has seen",
  () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { minLength: 1, maxLength: 12 }), (steps) => {
        const known = createKnownPrefixes(1);
        let messages: readonly Message[] = [{ role: "user", content: [{ type: "text", text: "Begin" }] }];
        for (const [one, hasTools] of steps) {
          messages = applied(messages, one);
          const tools = hasTools ? [withDefault] : [];
          for (const caller of ["c", "d"]) {
            const anew = fingerprintHistory(caller, messages, tools);
            expect(seen(fingerprintHistory(caller, messages, tools, known))).toEqual(seen(anew));
          }
        }
      }),
      runsOf("known prefixes", 300),
    );
  },
  patienceMs,
);

test("what is known is made use of", () => {
  const known = createKnownPrefixes();
  const messages: Message[] = Array.from({ length: 41 }, (_, at) => {
    const text = { content: [{ type: "text" as const, text: `message ${at}` }] };
    return at % 2 === 0 ? { role: "user", ...text } : { role: "assistant", ...text, toolCalls: [] };
  });
  fingerprintHistory("c", messages, [], known);
  const scope = new Bun.CryptoHasher("sha256").update("caller:c").digest("hex");

  expect(known.find(scope, messages)).toMatchObject({ endIndex: 39 });
  expect(known.find(scope, messages)?.prefixes).toHaveLength(19);
  expect(known.find(scope, messages.with(20, { role: "user", content: [] }))).toBeUndefined();
});

test("what is known is made use of turn after turn, however long the history becomes", () => {
  const known = createKnownPrefixes();
  const scope = new Bun.CryptoHasher("sha256").update("caller:c").digest("hex");
  const messages: Message[] = [];
  for (let turn = 0; turn < 150; turn++) {
    const said = `question ${turn} ${"你好 long ".repeat(100 + (turn % 7) * 50)}`;
    const content = turn % 3 === 0 ? { type: "text" as const, text: said } : new LongText(Buffer.from(said));
    messages.push({ role: "user", content: [content] });
    const anew = messages.map((message) => ({ ...message }));
    if (turn > 8) expect(known.find(scope, anew)?.endIndex).toBe(messages.length - 4);

    fingerprintHistory("c", anew, [], known);
    messages.push({ role: "assistant", content: [{ type: "text", text: `answer ${turn}` }], toolCalls: [] });
  }
});

test("conversations whose long openings differ in a sign are known beside one another", () => {
  const known = createKnownPrefixes();
  const scope = new Bun.CryptoHasher("sha256").update("caller:c").digest("hex");
  const histories = ["a", "b"].map((sign): Message[] =>
    Array.from({ length: 21 }, (_, at) => {
      const content = [new LongText(Buffer.from(`${sign} ${at} ${"long ".repeat(120)}`))];
      return at % 2 === 0 ? { role: "user", content } : { role: "assistant", content, toolCalls: [] };
    }),
  );
  for (const messages of histories) fingerprintHistory("c", messages, [], known);
  for (const messages of histories) expect(known.find(scope, messages)?.endIndex).toBe(19);
});

test("of a list that has grown nothing is read that was read before", () => {
  const known = createKnownPrefixes();
  let reads = 0;
  const read = (message: Message): Message => ({
    ...message,
    get content() {
      reads++;
      return message.content;
    },
  });
  const text = (at: number) => ({ content: [{ type: "text" as const, text: `message ${at}` }] });
  const pair = (at: number): Message[] => [
    { role: "user", ...text(at) },
    { role: "assistant", ...text(at), toolCalls: [] },
  ];
  let messages: readonly Message[] = Array.from({ length: 20 }, (_, at) => pair(at).map(read)).flat();
  fingerprintHistory("c", messages, [], known);
  for (let turn = 20; turn < 60; turn++) {
    const before = messages;
    messages = [...before, ...pair(turn).map(read)];
    noteGrowth(messages, before, before.length);
    reads = 0;

    const history = fingerprintHistory("c", messages, [], known);

    // The new turn, and the answer before it, behind which nobody can go on.
    expect(reads).toBeLessThan(16);
    expect(history).toEqual(fingerprintHistory("c", messages.slice(), []));
  }
});
