// What a turn is answered with: the script's words where it has some, else the emulator's own.

import type { Json } from "../contract/json.ts";
import { composeAnswer, composeThoughts, cutIntoDeltas } from "./answer.ts";
import { writeCalls } from "./call-markup.ts";
import type { Utterance } from "./dialogue.ts";
import { createRandom, createUuid, type Random } from "./random.ts";
import { countTokens, type Reply } from "./reply-steps.ts";
import type { ScriptedReply } from "./script.ts";
import { composeToolAnswer } from "./tool-talk.ts";
import type { TurnRequest } from "./turn-request.ts";

export interface ReplyContext {
  readonly seed: number;
  readonly turn: TurnRequest;
  /** Path from the root to the parent. */
  readonly path: readonly Utterance[];
  /** Message and attached texts. */
  readonly message: string;
  /** Of what came with it. */
  readonly fileNames: readonly string[];
  readonly responseId: string;
  readonly scripted: ScriptedReply | undefined;
}

/** System text and templates that the backend adds and counts (about 1040 tokens in 2026-06). */
const hiddenInputTokens = 1040;

export function composeReply(context: ReplyContext): Reply {
  const { turn, scripted, path, message, seed } = context;
  const random = createRandom(seed, turn.chat.ordinal, turn.chat.turns);
  const said = path.reduce((sum, utterance) => sum + utterance.text.length, message.length);
  const text = scriptedText(scripted) ?? ownWords(context, random);
  // A system message alone is accepted and never answered (live probe, 2026-09).
  const deltas = scripted?.chunks ?? (turn.role === "system" ? [] : cutText(text, scripted?.deltaChars, random));
  const sources = scripted?.sources ?? (wantsSearch(turn) ? exampleSources : undefined);
  return {
    chunks: scripted?.repeat === undefined ? deltas : repeated(deltas, scripted.repeat),
    thinking: thinkingOf(context, () => composeThoughts(message, random)),
    search:
      sources === undefined
        ? undefined
        : {
            functionId: `round_0_call_${createUuid(context.responseId, "search").replaceAll("-", "").slice(0, 24)}`,
            query: turn.content.trim().slice(0, 60),
            sources,
          },
    images: scripted?.images ?? (turn.chatType === "t2i" ? [imageUrl(context.responseId)] : []),
    inputTokens: hiddenInputTokens + random.between(0, 9) + countTokens(" ".repeat(said)),
    cachedTokens: path.length === 0 ? 0 : 512,
    incremental: turn.incremental && scripted?.cumulative !== true,
  };
}

function scriptedText(scripted: ScriptedReply | undefined): string | undefined {
  if (scripted?.calls === undefined) return scripted?.text;
  // A cast: a script's arguments came as JSON or stand in a test.
  const calls = scripted.calls.map(({ name, arguments: value }) => ({ name, arguments: (value ?? {}) as Json }));
  const before = scripted.text === undefined ? "" : `${scripted.text}\n\n`;
  return before + writeCalls(calls, scripted.callForm ?? "told");
}

function ownWords({ path, message, fileNames }: ReplyContext, random: Random): string {
  return composeToolAnswer({ path, message, random }) ?? composeAnswer({ path, message, fileNames, random });
}

function cutText(text: string, deltaChars: number | undefined, random: Random): string[] {
  if (deltaChars === undefined) return cutIntoDeltas(text, random);
  const deltas: string[] = [];
  for (let start = 0; start < text.length; start += deltaChars) deltas.push(text.slice(start, start + deltaChars));
  return deltas;
}

function thinkingOf({ turn, scripted }: ReplyContext, compose: () => ReturnType<typeof composeThoughts>) {
  if (scripted?.thoughts !== undefined) return { phase: "thinking_summary", thoughts: scripted.thoughts } as const;
  if (scripted?.thinking !== undefined) return { phase: "think", chunks: words(scripted.thinking) } as const;
  const isScripted = scripted?.text !== undefined || scripted?.chunks !== undefined || scripted?.calls !== undefined;
  // A scripted answer is the whole reply: no thoughts that nobody ordered.
  if (isScripted || turn.featureConfig["thinking_enabled"] !== true) return undefined;
  const thoughts = compose();
  if (turn.featureConfig["thinking_format"] === "summary") return { phase: "thinking_summary", thoughts } as const;
  return { phase: "think", chunks: words(thoughts.map((entry) => entry.thought).join("\n")) } as const;
}

/** The mode of the chat asks for it, or the words do where the backend may decide. */
function wantsSearch(turn: TurnRequest): boolean {
  if (turn.chatType === "search") return true;
  const mayDecide = turn.featureConfig["auto_search"] === true;
  return mayDecide && /\b(?:search the web|search online|web search|look it up online)\b/i.test(turn.content);
}

const exampleSources = [
  {
    url: "https://example.com/emulated",
    title: "An emulated result",
    snippet: "Made up by the emulator.",
    date: " (2026-01-02)",
  },
  { url: "https://example.org/second", title: "Another emulated result", snippet: "Made up as well." },
];

function imageUrl(responseId: string): string {
  return `https://cdn.example.invalid/output/emulator/t2i/${responseId}/1.png?key=EMULATED`;
}

function* repeated(deltas: readonly string[], times: number): Generator<string> {
  for (let round = 0; round < times; round++) yield* deltas;
}

function words(text: string): string[] {
  return text.match(/\s*\S+(?:\s+\S+)?/g) ?? [];
}
