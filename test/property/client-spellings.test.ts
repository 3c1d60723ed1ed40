// What clients do to a history between two turns, as measured: whatever they change of its shape, it stays the same
// conversation; whatever they change of its meaning makes it another. Through the surface's own parser.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Json, JsonObject } from "../../src/contract/json.ts";
import { fingerprintHistory } from "../../src/conversation/fingerprints.ts";
import { parseRequest } from "../../src/surfaces/openai-chat/parse-request.ts";
import { patienceMs, runsOf } from "./runs.ts";

interface Call {
  readonly name: string;
  readonly input: Readonly<Record<string, Json>>;
  readonly result: string;
}
/** A turn of the user and its answer, without any shape. */
interface Exchange {
  readonly said: readonly string[];
  readonly answer: string;
  readonly calls: readonly Call[];
}

// Few words, so that accidental equality is likely where a rule is wrong.
const word = fc.constantFrom("a", "b", "ab", "{}", "你好", "🙂", "<x>");
const call: fc.Arbitrary<Call> = fc.record({
  name: fc.constantFrom("read", "write"),
  input: fc.dictionary(fc.constantFrom("path", "depth"), fc.oneof(word, fc.nat({ max: 2 })), { maxKeys: 2 }),
  result: word,
});
const exchange: fc.Arbitrary<Exchange> = fc.record({
  said: fc.array(word, { minLength: 1, maxLength: 5 }),
  answer: fc.oneof(word, fc.constant("")),
  calls: fc.array(call, { maxLength: 2 }),
});
const history = fc
  .array(exchange, { minLength: 1, maxLength: 3 })
  .map((exchanges) =>
    exchanges.map((one) => (one.answer === "" && one.calls.length === 0 ? { ...one, answer: "ok" } : one)),
  );

/** The shape that one client gives to one exchange. Sources: qwen-code, opencode, cline, the official SDKs; 2026-11. */
interface Spelling {
  readonly userForm: "string" | "parts" | "cached parts" | "messages";
  readonly emptyForm: "null" | "empty" | "missing" | "placeholder";
  readonly answerForm: "string" | "parts" | "output parts";
  readonly reasoning: "none" | "reasoning_content" | "both";
  readonly argumentsForm: "plain" | "reversed" | "indented" | "object";
  readonly resultForm: "string" | "parts";
  readonly resultsReversed: boolean;
  readonly system: "none" | "system" | "developer" | "cached system";
  readonly extras: boolean;
}
const spelling: fc.Arbitrary<Spelling> = fc.record({
  userForm: fc.constantFrom("string", "parts", "cached parts", "messages"),
  emptyForm: fc.constantFrom("null", "empty", "missing", "placeholder"),
  answerForm: fc.constantFrom("string", "parts", "output parts"),
  reasoning: fc.constantFrom("none", "reasoning_content", "both"),
  argumentsForm: fc.constantFrom("plain", "reversed", "indented", "object"),
  resultForm: fc.constantFrom("string", "parts"),
  resultsReversed: fc.boolean(),
  system: fc.constantFrom("none", "system", "developer", "cached system"),
  extras: fc.boolean(),
});
const plain: Spelling = {
  userForm: "string",
  emptyForm: "null",
  answerForm: "string",
  reasoning: "none",
  argumentsForm: "plain",
  resultForm: "string",
  resultsReversed: false,
  system: "none",
  extras: false,
};

const cached = { cache_control: { type: "ephemeral" } };

function spell(exchanges: readonly Exchange[], spellings: readonly Spelling[]): JsonObject[] {
  return exchanges.flatMap((one, turn) => {
    const form = spellings[turn % spellings.length] ?? plain;
    const id = (index: number): string => (form.extras ? `chatcmpl-tool-${turn}${index}` : `call_${turn}_${index}`);
    const results = one.calls.map(({ result }, index) => ({
      role: "tool",
      tool_call_id: id(index),
      content: form.resultForm === "string" ? result : [{ type: "text", text: result }],
      ...(form.extras ? { name: one.calls[index]?.name ?? "" } : {}),
    }));
    return [
      ...spellSystem(form, turn),
      ...spellUser(one.said, form),
      spellAnswer(one, form, id),
      ...(form.resultsReversed ? results.reverse() : results),
    ];
  });
}

function spellSystem({ system }: Spelling, turn: number): JsonObject[] {
  const text = `Environment of turn ${turn}`;
  if (system === "none") return [];
  if (system === "cached system") return [{ role: "system", content: [{ type: "text", text, ...cached }] }];
  return [{ role: system, content: text }];
}

function spellUser(said: readonly string[], { userForm, extras }: Spelling): JsonObject[] {
  const more = extras ? { name: "ann" } : {};
  if (userForm === "messages") return said.map((content) => ({ role: "user", content, ...more }));
  if (userForm === "string") return [{ role: "user", content: said.join("\n"), ...more }];
  const parts = said.map((text, index) => {
    const isCached = userForm === "cached parts" && index === said.length - 1;
    return { type: "text", text, ...(isCached ? cached : {}) };
  });
  return [{ role: "user", content: parts, ...more }];
}

function spellAnswer({ answer, calls }: Exchange, form: Spelling, id: (index: number) => string): JsonObject {
  return {
    role: "assistant",
    ...contentOf(answer, form),
    ...(form.reasoning === "none" ? {} : { reasoning_content: "Hm." }),
    ...(form.reasoning === "both" ? { reasoning: "Hm." } : {}),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((one, index) => spellCall(one, form, id(index), index)) }),
    ...(form.extras ? { refusal: null, annotations: [], audio: null, status: "completed", id: "msg_1" } : {}),
  };
}

/** An answer without text only ever has calls. */
function contentOf(answer: string, { emptyForm, answerForm }: Spelling): JsonObject {
  if (answer !== "") {
    if (answerForm === "string") return { content: `${answer}\n` };
    return { content: [{ type: answerForm === "parts" ? "text" : "output_text", text: answer }] };
  }
  const forms: Readonly<Record<Spelling["emptyForm"], JsonObject>> = {
    null: { content: null },
    empty: { content: "" },
    missing: {},
    placeholder: { content: "(no content)" },
  };
  return forms[emptyForm];
}

function spellCall({ name, input }: Call, { argumentsForm }: Spelling, id: string, index: number): JsonObject {
  const forms: Readonly<Record<Spelling["argumentsForm"], Json>> = {
    plain: JSON.stringify(input),
    reversed: JSON.stringify(Object.fromEntries(Object.entries(input).reverse())),
    indented: JSON.stringify(input, null, 2),
    object: { ...input },
  };
  return { id, type: "function", index, function: { name, arguments: forms[argumentsForm] } };
}

/** What the next request is looked up by. */
function fingerprintOf(messages: readonly JsonObject[]): string | undefined {
  const body = { model: "qwen3-max", messages: [...messages, { role: "user", content: "and then?" }] };
  return fingerprintHistory("local", parseRequest(body).messages, []).prefixes[0]?.strict;
}

test(
  "fingerprints of a history are equal in every shape that clients give to it",
  () => {
    fc.assert(
      fc.property(history, fc.array(spelling, { minLength: 1, maxLength: 3 }), (exchanges, spellings) => {
        const fingerprint = fingerprintOf(spell(exchanges, [plain]));

        expect(fingerprint).toBeDefined();
        expect(fingerprintOf(spell(exchanges, spellings))).toBe(fingerprint!);
      }),
      runsOf("shapes of clients", 2000),
    );
  },
  patienceMs,
);

test(
  "fingerprints of two histories are equal only when they mean the same, whatever their shapes",
  () => {
    const meaning = (exchanges: readonly Exchange[]): string =>
      JSON.stringify(
        exchanges.map(({ said, answer, calls }) => [
          said.join(" "),
          answer,
          calls.map(({ name, input, result }) => [name, Object.entries(input).sort(), result]),
        ]),
      );
    // Answered once more, so that the results of the last calls count.
    const closed = (exchanges: readonly Exchange[]) => [...exchanges, { said: ["?"], answer: "done", calls: [] }];
    fc.assert(
      fc.property(history, history, spelling, spelling, (one, other, form, otherForm) => {
        const isEqual = fingerprintOf(spell(closed(one), [form])) === fingerprintOf(spell(closed(other), [otherForm]));

        expect(isEqual).toBe(meaning(one) === meaning(other));
      }),
      runsOf("meanings", 2000),
    );
  },
  patienceMs,
);
