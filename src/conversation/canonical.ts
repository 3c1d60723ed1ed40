// A history as turns, in the one form that all spellings of it share. Clients send old messages back changed in shape:
// parts become strings, "" becomes null, reasoning is added, one message becomes two.

import { type ContentPart, flattenText, type Message, type ToolCall } from "../contract/chat-request.ts";
import { canonicalJson } from "./canonical-json.ts";
import { collapseRuns } from "./collapse.ts";
import { LongText } from "./long-text.ts";
import { orderResults } from "./order-results.ts";
import { isPlaceholder } from "./placeholders.ts";
import { sha256 } from "./sha256.ts";
import { TextDigest } from "./text-digest.ts";

export interface CanonicalResult {
  /** Which call of the assistant turn before is answered; -1 when that turn made no such call. */
  readonly callIndex: number;
  readonly text: string;
}

/** What one side said until the other side spoke. Never empty; neighbours are never of one side. */
interface Turn {
  readonly side: "user" | "assistant";
  /** Name and arguments of each call, as one text. */
  readonly toolCalls: readonly string[];
  /** In the order of their calls. */
  readonly toolResults: readonly CanonicalResult[];
  /** Index into the messages behind the turn's last one. */
  readonly endIndex: number;
}

export interface CanonicalTurn extends Turn {
  readonly text: string;
}

export interface DigestedTurn extends Turn {
  /** SHA-256 of the text in UTF-8; "" where there is none. */
  readonly textHash: string;
}

/** System messages are left out: they are no turns, and agents change them between turns. */
export function canonicalTurns(messages: readonly Message[]): readonly CanonicalTurn[] {
  return gatherTurns(messages, () => new CollectedText()).map(({ text, ...turn }) => ({
    side: turn.side,
    text: text.finish(),
    toolCalls: turn.toolCalls,
    toolResults: turn.toolResults,
    endIndex: turn.endIndex,
  }));
}

/** The same with the hashes of the texts, which are never there as a whole. "" where there is none. */
export function digestTurns(messages: readonly Message[]): readonly DigestedTurn[] {
  return gatherTurns(messages, () => new DigestedText()).map(({ text, ...turn }) => ({
    ...turn,
    textHash: text.finish(),
  }));
}

/** The message's text with white space collapsed; placeholders for "nothing" are nothing, images and files their hash. */
export function canonicalText(message: Message): string {
  const text = collapse(flattenText({ ...message, content: message.content.map(asText) }));
  return isPlaceholder(text) ? "" : text;
}

/** Adds what `canonicalText` would give. @returns whether that is anything */
export function digestMessage(digest: TextDigest, message: Message): boolean {
  let isFirst = true;
  for (const part of message.content) {
    if (!isFirst && message.role !== "assistant") digest.add("\n");
    isFirst = false;
    if (part instanceof LongText) digest.addJson(part.json);
    else digest.add(textOf(part));
  }
  return digest.endMessage();
}

/** The text of a turn, message by message. */
interface TurnText {
  /** @returns whether the message says anything */
  add(message: Message): boolean;
  finish(): string;
}

class CollectedText implements TurnText {
  readonly #texts: string[] = [];

  add(message: Message): boolean {
    const text = canonicalText(message);
    if (text !== "") this.#texts.push(text);
    return text !== "";
  }

  finish(): string {
    return this.#texts.join(" ");
  }
}

class DigestedText implements TurnText {
  readonly #digest = new TextDigest();

  add(message: Message): boolean {
    return digestMessage(this.#digest, message);
  }

  finish(): string {
    return this.#digest.finish();
  }
}

interface GatheredTurn<Text> {
  readonly side: "user" | "assistant";
  readonly text: Text;
  readonly calls: ToolCall[];
  readonly results: { readonly callId: string; readonly text: string }[];
  endIndex: number;
}

function gatherTurns<Text extends TurnText>(messages: readonly Message[], createText: () => Text) {
  const turns: GatheredTurn<Text>[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.role === "system") continue;
    const side = message.role === "assistant" ? "assistant" : "user";
    const last = turns.at(-1);
    const turn =
      last?.side === side
        ? last
        : ({ side, text: createText(), calls: [], results: [], endIndex: 0 } as GatheredTurn<Text>);
    if (message.role === "tool") turn.results.push({ callId: message.callId, text: canonicalText(message) });
    else {
      const saysSomething = turn.text.add(message);
      // An empty message opens no turn, so that its neighbours become one.
      if (turn !== last && !saysSomething && !bringsCalls(message)) continue;
    }
    if (message.role === "assistant") turn.calls.push(...message.toolCalls);
    if (turn !== last) turns.push(turn);
    turn.endIndex = index + 1;
  }
  return turns.map(({ side, text, calls, results, endIndex }, index) => ({
    side,
    text,
    toolCalls: calls.map(canonicalCall),
    toolResults: orderResults(results, turns[index - 1]?.calls ?? []).map(({ result, callIndex }) => ({
      callIndex,
      text: result.text,
    })),
    endIndex,
  }));
}

function bringsCalls(message: Message): boolean {
  return message.role === "assistant" && message.toolCalls.length > 0;
}

/** Name and arguments of a call as one text, whatever the order of its keys. */
export function canonicalCall(call: ToolCall): string {
  return JSON.stringify([call.toolName, canonicalArguments(call.argumentsText)]);
}

function canonicalArguments(argumentsText: string): string {
  const text = collapse(argumentsText);
  if (text === "") return "{}";
  try {
    return canonicalJson(JSON.parse(argumentsText));
  } catch {
    // Models do write broken JSON, and clients echo it: its text has to do.
    return text;
  }
}

function asText(part: ContentPart): ContentPart {
  return part.type === "text" ? part : { type: "text", text: textOf(part) };
}

function textOf(part: ContentPart): string {
  if (part.type === "text") return part.text;
  return `[${part.type} ${sha256(part.type === "media" ? canonicalJson(part.part) : part.url)}]`;
}

function collapse(text: string): string {
  return collapseRuns(text).trim();
}
