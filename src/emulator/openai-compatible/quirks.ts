// What servers get wrong, as changes to the pieces of a reply. Those that only change how a piece is written stand in
// chunk-steps.ts. Each is told by an issue: the reference of Qwen's servers, sections 1.5 and 3.4, names them.

import type { Piece } from "./reply-pieces.ts";
import type { Quirk } from "./script.ts";

type Change = (pieces: Iterable<Piece>) => Iterable<Piece>;

/** In the order in which they are applied: what turns calls into text comes before what changes text. */
const changes: readonly (readonly [Quirk, Change])[] = [
  // vllm#45256: the arguments are cut off, and the finish says that all is well.
  ["cut-arguments", cutArguments],
  ["whole-calls", wholeCalls],
  // qwen-code 0.24.4 guards against pieces that repeat all that was sent.
  ["cumulative-arguments", cumulativeArguments],
  ["same-index", (pieces) => mapCalls(pieces, (piece) => ({ ...piece, index: 0 }))],
  ["index-from-one", (pieces) => mapCalls(pieces, (piece) => ({ ...piece, index: piece.index + 1 }))],
  // club-3090#145, tenstorrent#4386: the parser failed, and the finish is a plain stop.
  ["calls-as-json-text", (pieces) => callsAsText(pieces, "content", jsonMarkup)],
  ["calls-as-xml-text", (pieces) => callsAsText(pieces, "content", xmlMarkup)],
  // vllm#39056: a call inside an unclosed think block.
  ["calls-in-reasoning", (pieces) => callsAsText(pieces, "reasoning", xmlMarkup)],
  // vllm#40816.
  ["answer-in-reasoning", answerInReasoning],
  ["think-tags", (pieces) => tagged(pieces, "<think>\n")],
  // The template has put the opening tag into the prompt, and no parser is set.
  ["unopened-think-tags", (pieces) => tagged(pieces, "")],
  ["think-tags-too", taggedToo],
  ["stray-think-close", strayClose],
  ["cumulative-text", cumulativeText],
  ["finish-stop", (pieces) => mapFinish(pieces, () => "stop")],
  // qwen-code 0.24.4: more tool data, or content, behind the finish.
  ["calls-after-finish", (pieces) => finishBefore(pieces, "call")],
  ["content-after-finish", (pieces) => finishBefore(pieces, "content")],
  ["no-finish", withoutFinish],
];

export function withQuirks(pieces: Iterable<Piece>, quirks: ReadonlySet<Quirk>): Iterable<Piece> {
  let changed = pieces;
  for (const [quirk, change] of changes) if (quirks.has(quirk)) changed = change(changed);
  return changed;
}

type Call = Extract<Piece, { type: "call" }>;

function* mapCalls(pieces: Iterable<Piece>, change: (piece: Call) => Piece): Generator<Piece> {
  for (const piece of pieces) yield piece.type === "call" ? change(piece) : piece;
}

function* mapFinish(pieces: Iterable<Piece>, change: (reason: string) => string): Generator<Piece> {
  for (const piece of pieces) yield piece.type === "finish" ? { ...piece, reason: change(piece.reason) } : piece;
}

/** Calls put together: pieces of one index are neighbours. */
function wholeCallsOf(pieces: readonly Call[]): Call[] {
  const calls: Call[] = [];
  for (const piece of pieces) {
    const last = calls.at(-1);
    if (last === undefined || piece.isFirst) calls.push(piece);
    else calls[calls.length - 1] = { ...last, argumentsText: last.argumentsText + piece.argumentsText };
  }
  return calls;
}

/** Runs `give` with all calls in place of their pieces. */
function* gathered(pieces: Iterable<Piece>, give: (calls: readonly Call[]) => Iterable<Piece>): Generator<Piece> {
  let held: Call[] = [];
  for (const piece of pieces) {
    if (piece.type === "call") {
      held.push(piece);
      continue;
    }
    if (held.length > 0) yield* give(held);
    held = [];
    yield piece;
  }
  if (held.length > 0) yield* give(held);
}

function wholeCalls(pieces: Iterable<Piece>): Iterable<Piece> {
  return gathered(pieces, wholeCallsOf);
}

function cutArguments(pieces: Iterable<Piece>): Iterable<Piece> {
  return gathered(pieces, (held) => {
    const last = held.findLastIndex(({ argumentsText }) => argumentsText !== "");
    return held.map((piece, index) =>
      index === last ? { ...piece, argumentsText: piece.argumentsText.slice(0, -1) } : piece,
    );
  });
}

function cumulativeArguments(pieces: Iterable<Piece>): Iterable<Piece> {
  let whole = "";
  return mapCalls(pieces, (piece) => {
    whole = piece.isFirst ? piece.argumentsText : whole + piece.argumentsText;
    return { ...piece, argumentsText: whole };
  });
}

function callsAsText(
  pieces: Iterable<Piece>,
  type: "content" | "reasoning",
  markup: (call: Call) => string,
): Iterable<Piece> {
  const asText = gathered(pieces, function* (held) {
    // In two, so that a reader cannot rely on finding it in one piece.
    for (const text of wholeCallsOf(held).map(markup)) {
      const middle = Math.ceil(text.length / 2);
      yield { type, text: text.slice(0, middle) };
      yield { type, text: text.slice(middle) };
    }
  });
  return mapFinish(asText, (reason) => (reason === "tool_calls" ? "stop" : reason));
}

function jsonMarkup({ name, argumentsText }: Call): string {
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${argumentsText}}\n</tool_call>`;
}

function xmlMarkup({ name, argumentsText }: Call): string {
  const values = Object.entries(parsed(argumentsText)).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `<parameter=${key}>\n${text}\n</parameter>\n`;
  });
  return `<tool_call>\n<function=${name}>\n${values.join("")}</function>\n</tool_call>`;
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    // A script may order arguments that are no JSON.
    return {};
  }
}

function* answerInReasoning(pieces: Iterable<Piece>): Generator<Piece> {
  for (const piece of pieces) yield piece.type === "content" ? { type: "reasoning", text: piece.text } : piece;
}

function* tagged(pieces: Iterable<Piece>, opening: string): Generator<Piece> {
  let isOpen = false;
  for (const piece of pieces) {
    if (piece.type !== "reasoning") {
      if (isOpen) yield { type: "content", text: "\n</think>\n\n" };
      isOpen = false;
      yield piece;
      continue;
    }
    if (!isOpen && opening !== "") yield { type: "content", text: opening };
    isOpen = true;
    yield { type: "content", text: piece.text };
  }
}

/** llama.cpp's `deepseek-legacy`: in their own field, and in content with tags. */
function* taggedToo(pieces: Iterable<Piece>): Generator<Piece> {
  const all = [...pieces];
  yield* all.filter(({ type }) => type === "reasoning");
  yield* tagged(all, "<think>\n");
}

/** Fixture dashscope-08; qwen-code 0.24.4 filters it. */
function* strayClose(pieces: Iterable<Piece>): Generator<Piece> {
  let isDue = true;
  for (const piece of pieces) {
    if (isDue && piece.type === "content") {
      isDue = false;
      yield { type: "content", text: "</think>" };
    }
    yield piece;
  }
}

function* cumulativeText(pieces: Iterable<Piece>): Generator<Piece> {
  const whole = { reasoning: "", content: "" };
  for (const piece of pieces) {
    if (piece.type !== "reasoning" && piece.type !== "content") {
      yield piece;
      continue;
    }
    whole[piece.type] += piece.text;
    yield { type: piece.type, text: whole[piece.type] };
  }
}

/** The finish comes before the last piece of that type. */
function* finishBefore(pieces: Iterable<Piece>, type: Piece["type"]): Generator<Piece> {
  const all = [...pieces];
  const last = all.findLastIndex((piece) => piece.type === type);
  const finish = all.findIndex((piece) => piece.type === "finish");
  if (last < 0 || finish < last) return yield* all;
  const [ending] = all.splice(finish, 1);
  if (ending !== undefined) all.splice(last, 0, ending);
  yield* all;
}

function* withoutFinish(pieces: Iterable<Piece>): Generator<Piece> {
  for (const piece of pieces) if (piece.type !== "finish") yield piece;
}
