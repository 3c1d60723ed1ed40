// Short names for histories: equal for all spellings of one history of one caller, different for different ones.

import type { Message, ToolDefinition } from "../contract/chat-request.ts";
import { onceFor } from "../contract/once-for.ts";
import { canonicalJson } from "./canonical-json.ts";
import { type CanonicalTurn, digestMessage, digestTurns } from "./canonical.ts";
import { namesDefaults } from "./given-arguments.ts";
import type { Chain, HistoryPrefix } from "./history-prefix.ts";
import type { KnownPrefix, KnownPrefixes } from "./known-prefixes.ts";
import { sha256 } from "./sha256.ts";
import { TextDigest } from "./text-digest.ts";

export interface HistoryFingerprints {
  /** One for each assistant turn that something follows, longest first. */
  readonly prefixes: readonly HistoryPrefix[];
  /** One for each system message that is not empty, in order. Neither where it stands counts nor whose it is. */
  readonly systemHashes: readonly string[];
  /** Indexes into the messages of the same system messages. */
  readonly systemIndexes: readonly number[];
  readonly toolHashes: readonly string[];
  /** Answers in the history. An assistant turn at the very end is none: the reply will continue it. */
  readonly assistantTurns: number;
  /** Where a reply attaches: for `createReplyDigest` alone. */
  readonly tip: HistoryTip;
}

export interface HistoryTip extends Chain {
  readonly scope: string;
  /** The messages of an assistant turn at the very end, which the reply continues; `strict` and `loose` are from before. */
  readonly openMessages: readonly Message[];
  /** Whose schemas tell what a call may leave out. */
  readonly tools: readonly ToolDefinition[];
}

/**
 * @param caller Whose history it is: the same words of another caller have other fingerprints.
 * @param known What was fingerprinted before need not be once more.
 */
export function fingerprintHistory(
  caller: string,
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  known?: KnownPrefixes,
): HistoryFingerprints {
  const scope = sha256(`caller:${caller}`);
  const knownScope = scope + hashDefaults(tools);
  const { start, turns } = turnsFrom(known?.find(knownScope, messages), messages, tools);
  const system = hashSystem(messages);
  const lastSystemIndex = system.indexes.at(-1) ?? -1;
  const prefixes = start === undefined ? [] : start.prefixes.slice();
  let chain: Chain = start?.chain ?? { strict: scope, loose: scope };
  let before = chain;
  let usable: KnownPrefix | undefined;
  for (let index = 0; index < turns.length; index++) {
    const turn = turns[index]!;
    before = chain;
    const turnHash = hashTurn(scope, turn.side, turn.textHash, turn.toolCalls);
    chain = extendChain(chain, turn.toolResults, turnHash);
    const isFollowed = index < turns.length - 1 || lastSystemIndex >= turn.endIndex;
    if (turn.side === "user" && turns[index + 1]?.side === "assistant") {
      usable = { endIndex: turn.endIndex, chain, prefixes: none };
    }
    if (turn.side !== "assistant" || !isFollowed) continue;
    const { strict, loose } = chain;
    prefixes.push({ strict, loose, lastTurn: turnHash, unseenFrom: turn.endIndex });
  }
  remember(known, knownScope, messages, usable, prefixes);
  const last = turns.at(-1);
  const open = last?.side === "assistant" ? last : undefined;
  const { strict, loose } = open === undefined ? chain : before;
  const openStart = turns.at(-2)?.endIndex ?? start?.endIndex ?? 0;
  const openMessages = open === undefined ? none : messages.slice(openStart, open.endIndex);
  return {
    prefixes: prefixes.reverse(),
    systemHashes: system.hashes,
    systemIndexes: system.indexes,
    toolHashes: tools.length === 0 ? none : tools.map(hashTool),
    assistantTurns: prefixes.length,
    tip: { strict, loose, scope, openMessages, tools },
  };
}

/** A turn that what follows belongs to is no end of a prefix: then all is made anew. */
function turnsFrom(start: KnownPrefix | undefined, messages: readonly Message[], tools: readonly ToolDefinition[]) {
  const turns = digestTurns(messages, tools, start?.endIndex);
  if (start === undefined || turns[0]?.side === "assistant") return { start, turns };
  return { start: undefined, turns: digestTurns(messages, tools) };
}

function remember(
  known: KnownPrefixes | undefined,
  scope: string,
  messages: readonly Message[],
  usable: KnownPrefix | undefined,
  prefixes: readonly HistoryPrefix[],
): void {
  if (known === undefined || usable === undefined) return;
  const { endIndex, chain } = usable;
  known.remember(scope, messages, {
    endIndex,
    chain,
    prefixes: prefixes.filter(({ unseenFrom }) => unseenFrom <= endIndex),
  });
}

const none: readonly never[] = [];

/** Tool results aside: they are what strict and loose differ in. */
export function hashTurn(
  scope: string,
  side: CanonicalTurn["side"],
  textHash: string,
  toolCalls: readonly string[],
): string {
  // What JSON has to say of most turns.
  if (toolCalls.length === 0) return sha256(`${scope}["${side}","${textHash}",[]]`);
  return sha256(scope + JSON.stringify([side, textHash, toolCalls]));
}

export function extendChain(chain: Chain, toolResults: CanonicalTurn["toolResults"], turnHash: string): Chain {
  const strict = chain.strict + turnHash;
  const loose = chain.loose + turnHash;
  if (toolResults.length === 0) return { strict: sha256(`${strict}[[],[]]`), loose: sha256(`${loose}[[]]`) };
  const answered = toolResults.map((result) => result.callIndex);
  const contents = toolResults.map((result) => result.text);
  return {
    strict: sha256(strict + JSON.stringify([answered, contents])),
    loose: sha256(loose + JSON.stringify([answered])),
  };
}

function isSystem({ role }: Message): boolean {
  return role === "system";
}

interface SystemHashes {
  readonly hashes: readonly string[];
  readonly indexes: readonly number[];
}

const noSystem: SystemHashes = { hashes: none, indexes: none };

function hashSystem(messages: readonly Message[]): SystemHashes {
  if (!messages.some(isSystem)) return noSystem;
  const hashes: string[] = [];
  const indexes: number[] = [];
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index]!;
    if (message.role !== "system") continue;
    const hash = hashSystemMessage(message);
    if (hash === undefined) continue;
    hashes.push(hash);
    indexes.push(index);
  }
  return { hashes, indexes };
}

/** Undefined: it says nothing. Agents send the same instructions with each request (grown-messages.ts). */
const hashSystemMessage = onceFor((message: Message): string | undefined => {
  const digest = new TextDigest("system:");
  return digestMessage(digest, message) ? digest.finish() : undefined;
});

/** Of what calls are read by: a prefix that was read by other defaults is another one. */
const hashDefaults = onceFor((tools: readonly ToolDefinition[]) => tools.filter(namesDefaults).map(hashTool).join(""));

/** Agents send the same tools with each request (known-tools.ts). */
const hashTool = onceFor((tool: ToolDefinition) =>
  sha256(`tool:${canonicalJson([tool.name, tool.description ?? "", tool.parameters])}`),
);
