// Streams as the Qwen web backend sends them, and as broken networks, proxies and versions to come may: their bytes.

import fc from "fast-check";

export const chatId = "00000000-0000-4000-8000-000000000001";
const answerNode = "00000000-0000-4000-8000-000000000003";
const otherNode = "00000000-0000-4000-8000-000000000009";

/** Stands for bytes that are no UTF-8. */
const brokenBytes = "\ue000";

/** Begins each first delta and stands in no other, so that pieces never look like repetitions of the whole. */
const mark = "\u00a7";

const words = [
  "a",
  "b ",
  " the",
  "\n",
  "\n\n",
  '"',
  "\\",
  "\\n",
  "\t",
  "\u0001",
  "é",
  "你好",
  "🌤️",
  brokenBytes,
  "\u2028",
  "data: ",
  "{}",
  '", "phase": "answer"',
  '"content": "x"',
  "</tool_call>",
  "0".repeat(300),
];
const text = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""));

interface Delta {
  readonly role?: string;
  readonly content?: unknown;
  readonly phase?: string;
  readonly status?: string;
  readonly extra?: unknown;
  readonly name?: string;
}

/** As Python's json.dumps writes it, or as JSON.stringify does: with and without spaces. */
function spell(value: unknown, spaced: boolean): string {
  if (!spaced) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => spell(one, true)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}: ${spell(member, true)}`).join(", ")}}`;
}

const usage = fc.nat({ max: 9999 }).map((output_tokens) => ({
  input_tokens: 1049,
  output_tokens,
  total_tokens: 1049 + output_tokens,
}));
const brokenUsage = fc.constantFrom<unknown>(null, {}, [], "many", { input_tokens: "1", output_tokens: 2 });

/** A delta's event; the newer form tells its response, the older one does not. */
function eventOf(delta: fc.Arbitrary<Delta>): fc.Arbitrary<unknown> {
  return fc
    .record({
      delta,
      usage: fc.option(fc.oneof({ weight: 5, arbitrary: usage }, brokenUsage), { nil: undefined }),
      isNewer: fc.boolean(),
    })
    .map(({ delta: content, usage: told, isNewer }) => ({
      choices: [{ delta: content }],
      ...(isNewer ? { response_id: answerNode } : {}),
      ...(told === undefined ? {} : { usage: told }),
      ...(isNewer ? { timestamp: 1780468951 } : {}),
    }));
}

const typing =
  (phase: string | undefined) =>
  (content: string): Delta => ({
    role: "assistant",
    content,
    ...(phase === undefined ? {} : { phase }),
    status: "typing",
  });

const oddContent = fc.constantFrom<unknown>(null, 5, ["x"], { text: "x" }, true, undefined);
const search: Delta = {
  role: "function",
  content: "",
  phase: "web_search",
  extra: { web_search_info: [{ url: "https://example.org/", title: "A page", snippet: "Its words" }] },
  status: "finished",
  name: "web_search",
};

/** Between the first and the last event of a reply; none of them ends it. */
const middle: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: eventOf(text.map(typing("answer"))) },
  { weight: 4, arbitrary: eventOf(text.map(typing("think"))) },
  { weight: 2, arbitrary: eventOf(text.map(typing(undefined))) },
  eventOf(fc.constantFrom<Delta>({ role: "assistant", content: "", phase: "think", status: "finished" }, search)),
  eventOf(oddContent.map((content) => ({ role: "assistant", content, phase: "answer", status: "typing" }))),
  eventOf(fc.constant({ role: "assistant", content: "", phase: "answer", status: "typing" })),
  eventOf(
    fc.constant({
      role: "assistant",
      content: "https://cdn.example/1.png?key=a&b",
      phase: "image_gen",
      status: "typing",
    }),
  ),
  text.map((delta) => ({ "response.output_text.delta": { delta } })),
  text.map((content) => ({ choices: [{ delta: { ...typing("answer")(content) } }], response_id: otherNode })),
  fc.constantFrom<unknown>(
    { "response.info": { action: "keep_alive", chat_id: chatId, response_id: answerNode, timestamp: 1772616291 } },
    { "response.created": { chat_id: "x", parent_id: "y", response_id: "z" } },
    { "response.started": { delta: "x" } },
    { choices: [] },
    { choices: {} },
    { choices: [null] },
    { choices: [{ delta: "x" }] },
    { usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } },
    7,
    null,
    [],
    "text",
    {},
  ),
);

/** Cumulative snapshots: an element is added or the last one is longer than before, or nothing is new. */
const thoughts = fc.array(fc.constantFrom("new", "longer", "same"), { maxLength: 4 }).map((steps) => {
  const list: string[] = [];
  return steps.map((step) => {
    if (step === "new" || list.length === 0) list.push("I think");
    else if (step === "longer") list[list.length - 1] += " 🤔 more";
    const extra = {
      summary_title: { content: list.map((_, index) => `Step ${index}`) },
      summary_thought: { content: [...list] },
    };
    return {
      choices: [{ delta: { role: "assistant", content: "", phase: "thinking_summary", extra, status: "typing" } }],
    };
  });
});

/** Should `incremental_output` be ignored: each delta repeats the whole. */
const cumulative = fc.array(text, { minLength: 3, maxLength: 8 }).map((pieces) =>
  pieces.map((_, index) => ({
    choices: [{ delta: typing("answer")(mark + pieces.slice(0, index + 1).join("")) }],
    response_id: answerNode,
  })),
);

const incremental = fc
  .tuple(fc.constantFrom("answer", "think", undefined), fc.array(middle, { maxLength: 14 }))
  .map(([phase, events]) => [
    ...["answer", "think"].map((first) => ({ choices: [{ delta: typing(first)(`${mark}${phase ?? ""}`) }] })),
    ...events,
  ]);

const created = {
  "response.created": { chat_id: chatId, parent_id: "p", response_id: answerNode, response_index: "0" },
};
const ending: fc.Arbitrary<readonly unknown[]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constant([
      {
        choices: [{ delta: { content: "", role: "assistant", status: "finished", phase: "answer" } }],
        response_id: answerNode,
      },
    ]),
  },
  fc.constantFrom<readonly unknown[]>(
    [{ "response.completed": {} }],
    [{ error: { code: "quota_limit", details: "high demand" }, response_id: answerNode }],
    [{ error: { code: "data_inspection_failed", details: "no" } }],
    [{ error: "Internal error!" }],
    [],
  ),
);

/** Lines that no reader may take for anything, or stumble over. `{delta}` is a delta cut short or spoilt. */
const garbage = fc.constantFrom(
  ": keep-alive",
  ":",
  "event: message",
  "id: 7",
  "retry: 3000",
  "retry: soon",
  "nonsense without a colon",
  "datax: 1",
  "data",
  "data: [DONE]",
  "data: {broken",
  'data: {"choices": [{"delta": {"role": "assistant", "content": "cut',
  'data: {"choices": [{"delta": {"role": "assistant", "content": "bad \\x escape", "phase": "answer", "status": "typing"}}]}',
  'data: {"choices": [{"delta": {"role": "assistant", "content": "bad \\u12 escape", "phase": "answer", "status": "typing"}}]}',
  'data: {"choices": [{"delta": {"role": "assistant", "content": "a raw \u0001 control", "phase": "answer", "status": "typing"}}]}',
  'data: {"choices": [{"delta": {"role": "assistant", "content": "a raw \t tab", "phase": "answer", "status": "typing"}}]}',
  'data: {"choices": [{"delta": {"role": "assistant", "content": "two" "strings", "phase": "answer", "status": "typing"}}]}',
  'data: {"choices": [{"delta": {"role": "assistant", "content": "unended", "phase": "answer", "status": "typing"}}]',
);

const lineEnd = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r");

/** One event as lines with its blank line, and what may stand before it. */
function framed(event: unknown): fc.Arbitrary<string> {
  return fc
    .record({
      spaced: fc.boolean(),
      prefix: fc.constantFrom("data: ", "data: ", "data:"),
      // JSON may be broken over lines where it may hold white space.
      isBroken: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
      before: fc.array(garbage, { maxLength: 2 }).filter((lines) => lines.length < 2),
      end: lineEnd,
      blankLines: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ spaced, prefix, isBroken, before, end, blankLines }) => {
      const json = spell(event, spaced);
      const lines = isBroken && json.startsWith("{") ? ["{", json.slice(1)] : [json];
      const blank = end.repeat(blankLines);
      return `${before.map((line) => line + end + end).join("")}${lines.map((line) => prefix + line + end).join("")}${blank}`;
    });
}

/** The text of one reply. */
export const qwenStream: fc.Arbitrary<string> = fc
  .tuple(fc.boolean(), thoughts, fc.oneof({ weight: 5, arbitrary: incremental }, cumulative), ending)
  .chain(([isTold, before, events, last]) =>
    fc.tuple(...[...(isTold ? [created] : []), ...before, ...events, ...last].map(framed)),
  )
  .chain((frames) => fc.constantFrom(frames.join(""), `\ufeff${frames.join("")}`, frames.join("").trimEnd()));

export function bytesOf(stream: string): Uint8Array {
  const bytes = new TextEncoder().encode(stream);
  for (let at = bytes.indexOf(0xee); at >= 0; at = bytes.indexOf(0xee, at + 1)) {
    if (bytes[at + 1] === 0x80 && bytes[at + 2] === 0x80) bytes.fill(0xff, at, at + 3);
  }
  return bytes;
}

/** Cuts at random places, some of them one byte apart. */
export function cutAnywhere(bytes: Uint8Array, seed: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let state = seed >>> 0;
  const most = [1, 3, 40, 400, 4000][state % 5]!;
  for (let start = 0; start < bytes.length;) {
    // Numerical Recipes' linear congruential generator: any spread will do.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const length = 1 + ((state >>> 8) % most);
    chunks.push(bytes.slice(start, start + length));
    start += length;
  }
  return chunks;
}
