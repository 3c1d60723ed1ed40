// What a request is answered with: the script's words where it has some, else calls, else the emulator's own words.

import type { Json } from "../../contract/json.ts";
import { composeAnswer, composeThoughts, cutIntoDeltas } from "../answer.ts";
import type { Utterance } from "../dialogue.ts";
import { pythonJson } from "../python-json.ts";
import { createRandom, type Random } from "../random.ts";
import { member } from "../request-log.ts";
import { composeCalls } from "./compose-calls.ts";
import type { Dialect } from "./dialect.ts";
import { exampleOf } from "./example-value.ts";
import { type ChatRequest, countMessages, type Message } from "./read-request.ts";
import type { Reply, ReplyCall } from "./reply-pieces.ts";
import type { ScriptedReply } from "./script.ts";

export interface ReplyContext {
  readonly dialect: Dialect;
  readonly request: ChatRequest;
  /** What the model sees of the history. */
  readonly messages: readonly Message[];
  readonly thinks: boolean;
  readonly scripted: ScriptedReply | undefined;
  readonly seed: number;
  /** An id that no other reply has: 32 hexadecimal digits. */
  newHex(name: string): string;
}

export function composeReply(context: ReplyContext): Reply {
  const { request, scripted, seed } = context;
  const random = createRandom(seed, request.messages.length, lastText(context.messages));
  const isScripted = scripted?.text !== undefined || scripted?.chunks !== undefined || scripted?.calls !== undefined;
  const calls = isScripted ? (scripted?.calls ?? []) : composeCalls(request, context.dialect);
  const deltas = contentOf(context, random, isScripted || calls.length > 0);
  return {
    reasoning: reasoningOf(context, random, isScripted),
    content: scripted?.repeat === undefined ? deltas : repeated(deltas, scripted.repeat),
    calls: calls.map((call, index) => replyCall(call, index, context, random)),
    finishReason: scripted?.finishReason,
    maxTokens: request.maxTokens ?? Number.POSITIVE_INFINITY,
  };
}

/** @param isTold a script or a call says what there is to say */
function contentOf(context: ReplyContext, random: Random, isTold: boolean): readonly string[] {
  const { scripted, request } = context;
  if (scripted?.chunks !== undefined) return scripted.chunks;
  const text = scripted?.text ?? (isTold ? "" : ownWords(context, random));
  return cutIntoDeltas(beforeStop(text, request.stop), random);
}

function ownWords({ request, messages }: ReplyContext, random: Random): string {
  const results = resultsOf(messages);
  if (results.length > 0) return results.map(({ name, text }) => `${name} says: ${text.slice(0, 400)}`).join("\n");
  const format = request.body["response_format"];
  if (member(format, "type") === "json_schema") {
    return JSON.stringify(exampleOf(member(member(format, "json_schema"), "schema")));
  }
  const background = messages.filter(isInstruction).map(({ text }) => text);
  const said = messages.filter((message) => !isInstruction(message) && message.role !== "tool");
  const last = said.at(-1);
  const path = said.slice(0, -1).map((message): Utterance => ({ role: roleOf(message), text: message.text }));
  const fileNames = (last?.images ?? []).map((_, index) => `image ${index + 1}`);
  const answer = composeAnswer({ background, path, message: last?.text ?? "", fileNames, random });
  return member(format, "type") === "json_object" ? JSON.stringify({ answer }) : answer;
}

/** Tool results behind the last message of anybody else, with the names of their tools. */
function resultsOf(messages: readonly Message[]): { name: string; text: string }[] {
  const start = messages.findLastIndex(({ role }) => role !== "tool") + 1;
  const calls = messages.flatMap((message) => message.calls);
  return messages.slice(start).map(({ callId, text }) => {
    const name = calls.findLast(({ id }) => id === callId)?.name;
    return { name: name ?? "A tool that I did not call", text };
  });
}

function reasoningOf(
  { scripted, thinks, messages }: ReplyContext,
  random: Random,
  isScripted: boolean,
): readonly string[] {
  const told = scripted?.reasoning;
  if (told !== undefined) return typeof told === "string" ? words(told) : told;
  // A scripted answer is the whole reply: no thoughts that nobody ordered.
  if (isScripted || !thinks) return [];
  return words(
    composeThoughts(lastText(messages), random)
      .map(({ thought }) => thought)
      .join("\n"),
  );
}

function replyCall(
  call: { name: string; arguments?: unknown; pieces?: readonly string[]; id?: string },
  index: number,
  { dialect, newHex }: ReplyContext,
  random: Random,
): ReplyCall {
  // A cast: a script's arguments came as JSON or stand in a test.
  const value = (call.arguments ?? {}) as Json;
  const style = dialect.argumentStyle === "python" ? pythonJson : JSON.stringify;
  const text = typeof value === "string" ? value : style(value);
  return {
    id: call.id ?? dialect.newCallId(newHex(`call ${index}`)),
    name: call.name,
    pieces: call.pieces ?? cutText(text, random),
  };
}

function cutText(text: string, random: Random): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length;) {
    const size = random.between(6, 16);
    pieces.push(text.slice(start, start + size));
    start += size;
  }
  return pieces;
}

/** Ollama cuts a long prompt without a word: the instructions stay, the oldest of the rest go. */
export function keepNewest(messages: readonly Message[], limit: number): readonly Message[] {
  const kept = [...messages];
  while (countMessages(kept) > limit) {
    const oldest = kept.findIndex((message) => !isInstruction(message));
    if (oldest < 0 || oldest === kept.length - 1) return kept;
    kept.splice(oldest, 1);
  }
  return kept;
}

/** Of parts, models of other makers on DashScope's hosts read nothing (qwen-code 0.24.4). */
export function withoutParts(messages: readonly Message[]): readonly Message[] {
  return messages.map((message) => (Array.isArray(message.content) ? { ...message, text: "", images: [] } : message));
}

function isInstruction({ role }: Message): boolean {
  return role === "system" || role === "developer";
}

function roleOf({ role }: Message): Utterance["role"] {
  return role === "assistant" ? "assistant" : "user";
}

function lastText(messages: readonly Message[]): string {
  return messages.at(-1)?.text ?? "";
}

function beforeStop(text: string, stop: readonly string[]): string {
  const ends = stop.map((word) => text.indexOf(word)).filter((at) => at >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}

function* repeated(deltas: readonly string[], times: number): Generator<string> {
  for (let round = 0; round < times; round++) yield* deltas;
}

function words(text: string): string[] {
  return text.match(/\s*\S+(?:\s+\S+)?/g) ?? [];
}
