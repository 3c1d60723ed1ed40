// One history as Anthropic's clients and as OpenAI's write it: the same conversation, whatever its words, its blocks and the
// thoughts in it. Through both surfaces' own parsers.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Json, JsonObject } from "../../src/contract/json.ts";
import { fingerprintHistory } from "../../src/conversation/fingerprints.ts";
import { parseBody } from "../../src/conversation/parse-body.ts";
import { parseRequest as parseMessage } from "../../src/surfaces/anthropic-messages/parse-request.ts";
import { parseRequest as parseChat } from "../../src/surfaces/openai-chat/parse-request.ts";
import { patienceMs, runsOf } from "./runs.ts";

interface Call {
  readonly name: string;
  readonly input: Readonly<Record<string, Json>>;
  readonly result: string;
}
/** What the user says, the answer, and the results of its calls. */
interface Exchange {
  readonly said: readonly string[];
  readonly answer: string;
  readonly calls: readonly Call[];
}

const word = fc.constantFrom("a", "ab", "{}", "你好", "🙂", 'say "x"\n', "word ".repeat(200));
const call: fc.Arbitrary<Call> = fc.record({
  name: fc.constantFrom("read", "write"),
  input: fc.dictionary(fc.constantFrom("path", "depth"), fc.oneof(word, fc.nat({ max: 2 })), { maxKeys: 2 }),
  result: word,
});
const exchange: fc.Arbitrary<Exchange> = fc
  .record({
    said: fc.array(word, { minLength: 1, maxLength: 3 }),
    answer: fc.oneof(word, fc.constant("")),
    calls: fc.array(call, { maxLength: 3 }),
  })
  .map((one) => (one.answer === "" && one.calls.length === 0 ? { ...one, answer: "ok" } : one));
const history = fc.array(exchange, { minLength: 1, maxLength: 4 });

/** How Anthropic's clients differ. Sources: the official SDK, Claude Code, qwen-code; 2026-11. */
const spelling = fc.record({
  asBlocks: fc.boolean(),
  thoughts: fc.constantFrom("none", "readable", "sealed"),
  isCached: fc.boolean(),
  resultsReversed: fc.boolean(),
  resultsAsBlocks: fc.boolean(),
});
type Spelling = typeof spelling extends fc.Arbitrary<infer Value> ? Value : never;

const toolId = (turn: number, index: number): string => `call_${turn}_${index}`;

function asChat(exchanges: readonly Exchange[]): JsonObject[] {
  return exchanges.flatMap(({ said, answer, calls }, turn) => [
    { role: "user", content: said.join("\n") },
    {
      role: "assistant",
      content: answer === "" ? null : answer,
      tool_calls: calls.map(({ name, input }, index) => ({
        id: toolId(turn, index),
        type: "function",
        function: { name, arguments: JSON.stringify(input) },
      })),
    },
    ...calls.map(({ result }, index) => ({ role: "tool", tool_call_id: toolId(turn, index), content: result })),
  ]);
}

/** Results stand in one message with what the user says next. */
function asMessages(exchanges: readonly Exchange[], last: string, form: Spelling): JsonObject[] {
  const messages: JsonObject[] = [];
  let results: JsonObject[] = [];
  for (const [turn, { said, answer, calls }] of exchanges.entries()) {
    messages.push({ role: "user", content: spellUser(results, said, form) }, spellAnswer(answer, calls, turn, form));
    results = calls.map(({ result }, index) => ({
      type: "tool_result",
      tool_use_id: `toolu_${toolId(turn, index)}`,
      content: form.resultsAsBlocks ? [{ type: "text", text: result }] : result,
    }));
    if (form.resultsReversed) results.reverse();
  }
  return [...messages, { role: "user", content: spellUser(results, [last], form) }];
}

function spellUser(results: readonly JsonObject[], said: readonly string[], form: Spelling): unknown {
  if (!form.asBlocks && results.length === 0) return said.join("\n");
  const marker = form.isCached ? { cache_control: { type: "ephemeral" } } : {};
  return [...results, ...said.map((text) => ({ type: "text", text, ...marker }))];
}

function spellAnswer(answer: string, calls: readonly Call[], turn: number, form: Spelling): JsonObject {
  if (!form.asBlocks && calls.length === 0) return { role: "assistant", content: answer };
  const thoughts: Readonly<Record<Spelling["thoughts"], readonly JsonObject[]>> = {
    none: [],
    readable: [{ type: "thinking", thinking: "Hm.", signature: "c2ln" }],
    sealed: [{ type: "redacted_thinking", data: "c2VhbGVk" }],
  };
  return {
    role: "assistant",
    content: [
      ...thoughts[form.thoughts],
      ...(answer === "" ? [] : [{ type: "text", text: answer }]),
      ...calls.map(({ name, input }, index) => ({ type: "tool_use", id: `toolu_${toolId(turn, index)}`, name, input })),
    ],
  };
}

const prefixesOf = (messages: ReturnType<typeof parseChat>["messages"]) =>
  fingerprintHistory("ann", messages, []).prefixes.map(({ strict, loose, lastTurn }) => ({ strict, loose, lastTurn }));

test(
  "a history has the same fingerprints as messages and as a chat",
  () => {
    fc.assert(
      fc.property(history, word, spelling, (exchanges, last, form) => {
        const chat = parseChat({ messages: [...asChat(exchanges), { role: "user", content: last }] });
        const body = { max_tokens: 9, messages: asMessages(exchanges, last, form) };
        const message = parseMessage(parseBody(Buffer.from(JSON.stringify(body))));

        expect(prefixesOf(message.messages)).toEqual(prefixesOf(chat.messages));
      }),
      runsOf("message spellings", 300),
    );
  },
  patienceMs,
);
