// A history as turns, in the one form that all spellings of it share. Clients send old messages back changed in shape:
// parts become strings, "" becomes null, reasoning is added, one message becomes two.

import {
  type ContentPart,
  flattenText,
  type Message,
  type ToolCall,
  type ToolDefinition,
} from "../contract/chat-request.ts";
import { isJsonObject } from "../contract/json.ts";
import { canonicalJson } from "./canonical-json.ts";
import { collapseRuns } from "./collapse.ts";
import { givenArguments } from "./given-arguments.ts";
import { LongText } from "./long-text.ts";
import { orderResults } from "./order-results.ts";
import { isPlaceholder } from "./placeholders.ts";
import { sha256 } from "./sha256.ts";
import { TextDigest } from "./text-digest.ts";

const none: readonly never[] = [];

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

/**
 * System messages are left out: they are no turns, and agents change them between turns.
 * @param tools whose schemas tell what a call may leave out
 */
export function canonicalTurns(
  messages: readonly Message[],
  tools: readonly ToolDefinition[] = none,
): readonly CanonicalTurn[] {
  const turns = gatherTurns(messages, collected);
  return turns.map((turn, index) => ({
    side: turn.side,
    text: turn.text.join(" "),
    toolCalls: callsOf(turn, tools),
    toolResults: resultsOf(turn, turns[index - 1]),
    endIndex: turn.endIndex,
  }));
}

/**
 * The same with the hashes of the texts, which are never there as a whole. "" where there is none.
 * @param from index of the first message of a turn that makes no use of what the turn before it called
 */
export function digestTurns(
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  from = 0,
): readonly DigestedTurn[] {
  const turns = gatherTurns(messages, digested, from);
  return turns.map((turn, index) => ({
    side: turn.side,
    textHash: turn.text.finish(),
    toolCalls: callsOf(turn, tools),
    toolResults: resultsOf(turn, turns[index - 1]),
    endIndex: turn.endIndex,
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

/** How the text of a turn comes together, message by message. */
interface TurnText<Text> {
  create(): Text;
  /** @returns whether the message says anything */
  add(text: Text, message: Message): boolean;
}

const collected: TurnText<string[]> = {
  create: () => [],
  add(texts, message) {
    const text = canonicalText(message);
    if (text !== "") texts.push(text);
    return text !== "";
  },
};

const digested: TurnText<TextDigest> = { create: () => new TextDigest(), add: digestMessage };

interface GatheredTurn<Text> {
  readonly side: "user" | "assistant";
  readonly text: Text;
  /** Undefined, as the results: none. Most turns have neither. */
  calls: ToolCall[] | undefined;
  results: { readonly callId: string; readonly text: string }[] | undefined;
  endIndex: number;
}

function gatherTurns<Text>(messages: readonly Message[], texts: TurnText<Text>, from = 0): GatheredTurn<Text>[] {
  const turns: GatheredTurn<Text>[] = [];
  let last: GatheredTurn<Text> | undefined;
  for (let index = from; index < messages.length; index++) {
    const message = messages[index]!;
    if (message.role === "system") continue;
    const side = message.role === "assistant" ? "assistant" : "user";
    const turn: GatheredTurn<Text> =
      last?.side === side ? last : { side, text: texts.create(), calls: undefined, results: undefined, endIndex: 0 };
    if (message.role === "tool") {
      turn.results ??= [];
      turn.results.push({ callId: message.callId, text: canonicalText(message) });
    } else {
      const saysSomething = texts.add(turn.text, message);
      // An empty message opens no turn, so that its neighbours become one.
      if (turn !== last && !saysSomething && !bringsCalls(message)) continue;
    }
    if (bringsCalls(message)) {
      turn.calls ??= [];
      turn.calls.push(...message.toolCalls);
    }
    if (turn !== last) turns.push(turn);
    last = turn;
    turn.endIndex = index + 1;
  }
  return turns;
}

function callsOf({ calls }: GatheredTurn<unknown>, tools: readonly ToolDefinition[]): readonly string[] {
  return calls === undefined ? none : calls.map((call) => canonicalCall(call, tools));
}

function resultsOf(
  { results }: GatheredTurn<unknown>,
  before: GatheredTurn<unknown> | undefined,
): readonly CanonicalResult[] {
  if (results === undefined) return none;
  return orderResults(results, before?.calls ?? none).map(({ result, callIndex }) => ({
    callIndex,
    text: result.text,
  }));
}

function bringsCalls(message: Message): message is Extract<Message, { role: "assistant" }> {
  return message.role === "assistant" && message.toolCalls.length > 0;
}

/** Name and arguments of a call as one text, whatever the order of its keys and whether defaults are spelled out. */
export function canonicalCall(call: ToolCall, tools: readonly ToolDefinition[]): string {
  return JSON.stringify([call.toolName, canonicalArguments(call, tools)]);
}

/** Models do write broken objects, and what is none. Some protocols have no place for it, and say that there was nothing. */
function canonicalArguments({ argumentsText, toolName }: ToolCall, tools: readonly ToolDefinition[]): string {
  const text = collapse(argumentsText);
  if (text === "") return "{}";
  try {
    const value: unknown = JSON.parse(argumentsText);
    return isJsonObject(value) ? canonicalJson(givenArguments(value, toolName, tools)) : "{}";
  } catch {
    // Free text is what some tools take.
    return text.startsWith("{") ? "{}" : text;
  }
}

function asText(part: ContentPart): ContentPart {
  return part.type === "text" ? part : { type: "text", text: textOf(part) };
}

function textOf(part: ContentPart): string {
  if (part.type === "text") return part.text;
  return `[${part.type} ${sha256(part.type === "media" ? canonicalJson(part.part) : contentOf(part.url))}]`;
}

const dataStart = ";base64,";
/** What stands before the data is short. */
const maxHeadChars = 200;

/** What it is said to be is the client's word, and each protocol has its own: the content alone counts. */
function contentOf(url: string): string {
  const start = url.slice(0, 5).toLowerCase() === "data:" ? url.slice(0, maxHeadChars).indexOf(dataStart) : -1;
  return start < 0 ? url : url.slice(start + dataStart.length);
}

function collapse(text: string): string {
  return collapseRuns(text).trim();
}
