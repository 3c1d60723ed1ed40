// A history as turns, in the one form that all spellings of it share. Clients send old messages back changed in shape:
// parts become strings, "" becomes null, reasoning is added, one message becomes two.

import { type ContentPart, flattenText, type Message, type ToolCall } from "../contract/chat-request.ts";
import { canonicalJson } from "./canonical-json.ts";
import { collapseRuns } from "./collapse.ts";
import { isPlaceholder } from "./placeholders.ts";

export interface CanonicalResult {
  /** Which call of the assistant turn before is answered; -1 when that turn made no such call. */
  readonly callIndex: number;
  readonly text: string;
}

/** What one side said until the other side spoke. Never empty; neighbours are never of one side. */
export interface CanonicalTurn {
  readonly side: "user" | "assistant";
  readonly text: string;
  /** Name and arguments of each call, as one text. */
  readonly toolCalls: readonly string[];
  /** In the order of their calls. */
  readonly toolResults: readonly CanonicalResult[];
  /** Index into the messages behind the turn's last one. */
  readonly endIndex: number;
}

/** System messages are left out: they are no turns, and agents change them between turns. */
export function canonicalTurns(messages: readonly Message[]): readonly CanonicalTurn[] {
  const gathered = gatherTurns(messages);
  return gathered.map((turn, index) => {
    const before = gathered[index - 1];
    return {
      side: turn.side,
      text: turn.texts.join(" "),
      toolCalls: turn.toolCalls.map(canonicalCall),
      toolResults: orderResults(turn.toolResults, before?.toolCalls ?? []),
      endIndex: turn.endIndex,
    };
  });
}

/** The message's text with white space collapsed; placeholders for "nothing" are nothing, images and files their hash. */
export function canonicalText(message: Message): string {
  const text = collapse(flattenText({ ...message, content: message.content.map(asText) }));
  return isPlaceholder(text) ? "" : text;
}

interface GatheredTurn {
  readonly side: "user" | "assistant";
  readonly texts: string[];
  readonly toolCalls: ToolCall[];
  readonly toolResults: { readonly callId: string; readonly text: string }[];
  endIndex: number;
}

function gatherTurns(messages: readonly Message[]): readonly GatheredTurn[] {
  const turns: GatheredTurn[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.role === "system") continue;
    const side = message.role === "assistant" ? "assistant" : "user";
    const text = canonicalText(message);
    let turn = turns.at(-1);
    if (turn?.side !== side) {
      // An empty message opens no turn, so that its neighbours become one.
      if (text === "" && !bringsCallsOrResults(message)) continue;
      turn = { side, texts: [], toolCalls: [], toolResults: [], endIndex: 0 };
      turns.push(turn);
    }
    turn.endIndex = index + 1;
    if (message.role === "tool") turn.toolResults.push({ callId: message.callId, text });
    else if (text !== "") turn.texts.push(text);
    if (message.role === "assistant") for (const call of message.toolCalls) turn.toolCalls.push(call);
  }
  return turns;
}

function bringsCallsOrResults(message: Message): boolean {
  return message.role === "tool" || (message.role === "assistant" && message.toolCalls.length > 0);
}

/** Ids only say which result belongs to which call; a result whose id no call has takes the first unanswered call. */
function orderResults(results: GatheredTurn["toolResults"], calls: readonly ToolCall[]): readonly CanonicalResult[] {
  if (results.length === 0) return [];
  const unanswered = new Map<string, number[]>();
  // Backwards, so that `pop` gives the earliest call where ids repeat: some upstreams leave them empty.
  for (const [index, call] of [...calls.entries()].reverse()) {
    const indexes = unanswered.get(call.callId);
    if (indexes === undefined) unanswered.set(call.callId, [index]);
    else indexes.push(index);
  }
  const matched = results.map((result) => ({
    callIndex: unanswered.get(result.callId)?.pop() ?? -1,
    text: result.text,
  }));
  const left = [...unanswered.values()].flat().sort((a, b) => b - a);
  return matched
    .map((result) => (result.callIndex === -1 ? { ...result, callIndex: left.pop() ?? -1 } : result))
    .sort((a, b) => orderOf(a) - orderOf(b));
}

/** Results that answer no call stand last, in their own order. */
function orderOf(result: CanonicalResult): number {
  return result.callIndex === -1 ? Number.MAX_SAFE_INTEGER : result.callIndex;
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
  if (part.type === "text") return part;
  return { type: "text", text: `[${part.type} ${new Bun.CryptoHasher("sha256").update(part.url).digest("hex")}]` };
}

function collapse(text: string): string {
  return collapseRuns(text).trim();
}
