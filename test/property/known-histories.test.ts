// Histories that grow, branch and are edited on their way, as bodies of each protocol: whatever is known of earlier ones, a
// request says what its own bytes say, and has the fingerprints of one that nobody has seen.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ChatRequest } from "../../src/contract/chat-request.ts";
import { estimatePrompt } from "../../src/conversation/estimate-prompt.ts";
import { fingerprintHistory } from "../../src/conversation/fingerprints.ts";
import { createKnownPrefixes, type KnownPrefixes } from "../../src/conversation/known-prefixes.ts";
import { LongText } from "../../src/conversation/long-text.ts";
import { parseBody } from "../../src/conversation/parse-body.ts";
import { fingerprintReply } from "../../src/conversation/reply-digest.ts";
import { toolKnowledge } from "../../src/conversation/tool-knowledge.ts";
import { hasFileReferences } from "../../src/gateway/file-references.ts";
import { parseRequest as parseMessages } from "../../src/surfaces/anthropic-messages/parse-request.ts";
import { parseRequest as parseChat } from "../../src/surfaces/openai-chat/parse-request.ts";
import { parseRequest as parseResponses } from "../../src/surfaces/openai-responses/parse-request.ts";
import { patienceMs, runsOf } from "./runs.ts";
import { strangeJson } from "./strange-json.ts";

type Item = { readonly [field: string]: unknown };

interface Protocol {
  readonly name: string;
  readonly parse: (body: unknown) => ChatRequest;
  readonly item: fc.Arbitrary<Item>;
  readonly body: (system: string, items: readonly Item[]) => unknown;
}

const text = fc.constantFrom(
  "",
  "a",
  "b",
  ' "\\"{[ ',
  "]}",
  "你好",
  "(no content)",
  "long ".repeat(120),
  '\\n"é'.repeat(200),
);
const said = fc.constantFrom("a", "b", "long ".repeat(120), "[{".repeat(300));
const id = fc.constantFrom("1", "2", "3");
const args = fc.constantFrom("{}", '{"a":1}', `{"text":"${"x".repeat(600)}"}`);
const fileUrl = "data:text/plain;base64,aGk=";

const chat: Protocol = {
  name: "chat completions",
  parse: parseChat,
  item: fc.oneof(
    fc.record({ role: fc.constantFrom("user", "system"), content: text }),
    fc.record({ role: fc.constant("user"), content: fc.tuple(fc.record({ type: fc.constant("text"), text })) }),
    fc.constant({ role: "user", content: [{ type: "file", file: { file_data: fileUrl } }] }),
    fc.constant({ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }),
    fc.record({ role: fc.constant("assistant"), content: text }),
    fc.record({
      role: fc.constant("assistant"),
      content: fc.constant(null),
      tool_calls: fc.tuple(fc.record({ id, function: fc.record({ name: fc.constant("f"), arguments: args }) })),
    }),
    fc.record({ role: fc.constant("tool"), tool_call_id: id, content: text }),
  ),
  body: (system, items) => ({ messages: [{ role: "system", content: system }, ...items] }),
};

const block = fc.record({ type: fc.constant("text"), text });
const anthropic: Protocol = {
  name: "Messages",
  parse: parseMessages,
  item: fc.oneof(
    fc.record({ role: fc.constantFrom("user", "assistant", "system"), content: text }),
    fc.record({ role: fc.constantFrom("user", "assistant"), content: fc.tuple(block, block) }),
    fc.record({
      role: fc.constant("user"),
      content: fc.tuple(fc.record({ type: fc.constant("tool_result"), tool_use_id: id, content: text }), block),
    }),
    fc.record({
      role: fc.constant("assistant"),
      content: fc.tuple(
        fc.record({ type: fc.constant("thinking"), thinking: text }),
        fc.record({
          type: fc.constant("tool_use"),
          id,
          name: fc.constant("f"),
          input: args.map((one) => JSON.parse(one)),
        }),
      ),
    }),
  ),
  body: (system, items) => ({ max_tokens: 9, system, messages: items }),
};

const responses: Protocol = {
  name: "responses",
  parse: parseResponses,
  item: fc.oneof(
    fc.record({ role: fc.constantFrom("user", "assistant", "system"), content: text }),
    fc.record({ type: fc.constant("message"), role: fc.constant("assistant"), content: fc.tuple(block) }),
    fc.record({ type: fc.constant("function_call"), call_id: id, name: fc.constant("f"), arguments: args }),
    fc.record({ type: fc.constant("function_call_output"), call_id: id, output: text }),
    fc.record({ type: fc.constant("reasoning"), summary: fc.tuple(fc.record({ text })) }),
    fc.constant({ type: "web_search_call" }),
    fc.record({
      type: fc.constant("local_shell_call"),
      id: fc.constant("lsh_1"),
      call_id: id,
      action: fc.constant({}),
    }),
    fc.record({ type: fc.constant("local_shell_call_output"), id: fc.oneof(id, fc.constant("lsh_1")), output: text }),
  ),
  body: (system, items) => ({ instructions: system, input: items }),
};

/** What happens between two requests. Several sessions go on in turn, and one may begin as another is now. */
const step = (item: fc.Arbitrary<Item>) =>
  fc.record({
    session: fc.nat({ max: 2 }),
    from: fc.nat({ max: 2 }),
    system: fc.constantFrom("Be brief.", "Be brief.", "Be brief.", "Be long."),
    cut: fc.constantFrom(0, 0, 0, 1, 3, 9),
    edited: fc.option(fc.tuple(fc.nat({ max: 40 }), item), { freq: 4 }),
    more: fc.array(item, { maxLength: 6 }),
    indent: fc.constantFrom(0, 0, 0, 0, 1),
    scope: fc.constantFrom("c", "c", "c", "d"),
  });

/** With its long texts decoded. */
function whole(value: unknown): unknown {
  if (value instanceof LongText) return value.text;
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, whole(field)]));
}

function seenOf({ messages, tools }: ChatRequest, known: KnownPrefixes | undefined, caller: string) {
  const history = fingerprintHistory(caller, messages, tools, known);
  return {
    history: { ...history, tip: fingerprintReply(history, { text: "Done", toolCalls: [] }) },
    tokens: estimatePrompt({ messages, tools }),
    hasFiles: hasFileReferences({ messages } as ChatRequest),
    tools: toolKnowledge(messages, ["a"], ["a"], Math.max(0, messages.length - 2)),
  };
}

const encoder = new TextEncoder();
let runs = 0;

for (const { name, parse, item, body } of [chat, anthropic, responses]) {
  test(
    `${name}: what a request says depends on its own bytes alone`,
    () => {
      const begun = fc.array(item, { minLength: 8, maxLength: 14 });
      fc.assert(
        fc.property(begun, fc.array(step(item), { minLength: 2, maxLength: 10 }), (first, steps) => {
          const known = createKnownPrefixes(1);
          const run = `${++runs}`;
          const opening = { role: "user", content: `Begin ${run}` };
          const sessions: (readonly Item[])[] = [[opening, ...first], [opening, ...first.slice(0, 9)], [opening]];
          const told: { readonly request: ChatRequest; readonly messages: unknown }[] = [];
          for (const { session, from, system, cut, edited, more, indent, scope } of steps) {
            const before = sessions[from]!;
            const kept = [...before.slice(0, Math.max(1, before.length - cut)), ...more];
            const [at, other] = edited ?? [0, undefined];
            const items = other === undefined || at === 0 || at >= kept.length ? kept : kept.with(at, other);
            sessions[session] = items;
            const bytes = encoder.encode(
              JSON.stringify({ ...(body(system, items) as object), pad: "x".repeat(1024) }, null, indent),
            );
            const anew = parse(parseBody(bytes));
            const request = parse(parseBody(bytes, `${scope} ${run}`));
            const messages = whole(anew.messages);

            expect(whole(request.messages)).toEqual(messages);
            expect(whole(request.body)).toEqual(whole(anew.body));
            for (const caller of ["c", "d"]) {
              expect(seenOf(request, known, caller)).toEqual(seenOf(anew, undefined, caller));
            }
            told.push({ request, messages });
          }
          // What was handed out stays as it was, whatever came after it.
          for (const { request, messages } of told) expect(whole(request.messages)).toEqual(messages);
        }),
        runsOf(`known histories, ${name}`, 150),
      );
    },
    patienceMs,
  );
}

/** "invalid" where it is refused. */
function outcome(read: () => unknown): unknown {
  try {
    return { value: whole(read()) };
  } catch {
    return "invalid";
  }
}

test(
  "one byte more, less or other than before is noticed wherever it stands",
  () => {
    const items = fc.array(fc.record({ role: fc.constant("user"), content: said }), { minLength: 8, maxLength: 12 });
    const put = fc.constantFrom(
      "",
      "b",
      '"',
      "\\",
      "]",
      "}",
      "[",
      "{",
      ",",
      ":",
      " ",
      "0",
      ".5",
      "\\u12",
      "é",
      "\0",
      "null",
    );
    const damage = fc.record({ at: fc.nat(), removed: fc.constantFrom(0, 1, 1, 5), put });
    fc.assert(
      fc.property(items, fc.array(damage, { minLength: 1, maxLength: 8 }), (messages, damages) => {
        const scope = `damaged ${++runs}`;
        const written = JSON.stringify({ messages, pad: "x".repeat(1024) });
        const bytes = encoder.encode(written);
        expect(outcome(() => parseBody(bytes, scope))).toEqual({ value: whole(JSON.parse(written)) });
        for (const broken of damages) {
          const at = broken.at % (written.length - 1024);
          const sent = encoder.encode(written.slice(0, at) + broken.put + written.slice(at + broken.removed));
          const expected = outcome(() => JSON.parse(new TextDecoder().decode(sent)));

          expect(outcome(() => parseBody(sent, scope))).toEqual(expected);
        }
        expect(outcome(() => parseBody(bytes, scope))).toEqual({ value: whole(JSON.parse(written)) });
      }),
      runsOf("damaged histories", 500),
    );
  },
  patienceMs,
);

/** Fields may stand there twice, under a name that is written otherwise, and a list where another one stood before. */
const listName = fc.constantFrom('"messages"', '"input"', '"tools"', '"m\\u0065ssages"', '"content"');
const listStep = (item: fc.Arbitrary<unknown>) =>
  fc.record({
    fields: fc.array(fc.tuple(listName, fc.nat({ max: 2 })), { minLength: 1, maxLength: 3 }),
    cut: fc.constantFrom(0, 0, 0, 1, 2, 9),
    more: fc.array(item, { maxLength: 4 }),
    edited: fc.option(fc.tuple(fc.nat({ max: 20 }), item), { freq: 4 }),
    between: fc.constantFrom(",", ",", ",", ", ", "\n,"),
    begin: fc.constantFrom("{", "{", "{", "\ufeff{"),
    end: fc.constantFrom("}", "}", "}", "}\n", "}]", "}x", ""),
    padding: fc.constantFrom(0, 1024, 1024),
  });

test(
  "whatever stands in lists, and wherever lists stand, is what its own bytes say",
  () => {
    const message = fc.record({ role: fc.constant("user"), content: said });
    const item: fc.Arbitrary<unknown> = fc.oneof({ weight: 2, arbitrary: message }, strangeJson(said));
    const begun = fc.array(item, { minLength: 7, maxLength: 12 });
    fc.assert(
      fc.property(begun, fc.array(listStep(item), { minLength: 2, maxLength: 9 }), (first, steps) => {
        const scope = `strange ${++runs}`;
        const lists: (readonly unknown[])[] = [first, first.slice(0, 8), first.toReversed()];
        for (const { fields, cut, more, edited, between, begin, end, padding } of steps) {
          const grown = fields[0]![1];
          const kept = [...lists[grown]!.slice(0, Math.max(0, lists[grown]!.length - cut)), ...more];
          const [at, other] = edited ?? [kept.length, undefined];
          lists[grown] = at < kept.length ? kept.with(at, other) : kept;
          const written = fields.map(
            ([name, list]) => `${name}:[${lists[list]!.map((one) => JSON.stringify(one)).join(between)}]`,
          );
          const sent = encoder.encode(`${begin}${[...written, `"pad":"${"x".repeat(padding)}"`].join(",")}${end}`);
          const expected = outcome(() => JSON.parse(new TextDecoder().decode(sent)));

          expect(outcome(() => parseBody(sent, scope))).toEqual(expected);
          expect(outcome(() => parseBody(sent, scope))).toEqual(expected);
        }
      }),
      runsOf("strange lists", 300),
    );
  },
  patienceMs,
);

test("bytes that are no UTF-8 are refused behind a history that is known, and in it", () => {
  const messages = Array.from({ length: 10 }, (_, at) => ({ role: "user", content: `${at} ${"long ".repeat(200)}` }));
  const bytes = encoder.encode(JSON.stringify({ messages }));
  parseBody(bytes, "utf8");
  for (const at of [40, 3000, bytes.length - 40]) {
    expect(() => parseBody(bytes.with(at, 0xff), "utf8")).toThrow();
    expect(parseBody(bytes, "utf8")).toBeDefined();
  }
});
