// How far a history was fingerprinted before: agents send all of it again with each turn, and most of it is as it was. Where
// its messages are known to be those of an earlier list (grown-lists.ts), nothing is looked at; else a hash tells. What is kept
// of histories are hashes, no words. Bounded.

import type { ContentPart, Message } from "../contract/chat-request.ts";
import { growthOf } from "./grown-lists.ts";
import type { Chain, HistoryPrefix } from "./history-prefix.ts";
import { LongText } from "./long-text.ts";
import { sha256 } from "./sha256.ts";
import { SpellingHash } from "./spelling-hash.ts";

/** Where a history can be gone on from: behind a turn of its user. */
export interface KnownPrefix {
  /** Index into the messages behind that turn. */
  readonly endIndex: number;
  readonly chain: Chain;
  /** Of the assistant turns until there, shortest first. */
  readonly prefixes: readonly HistoryPrefix[];
}

export interface KnownPrefixes {
  /** @returns undefined unless all messages of the prefix are spelled as they were */
  find(scope: string, messages: readonly Message[]): KnownPrefix | undefined;
  remember(scope: string, messages: readonly Message[], prefix: KnownPrefix): void;
}

/** Of all histories together: about 8 MB of hashes. */
const maxPrefixes = 20_000;
const maxEntries = 1000;
/** So much of the opening tells conversations apart; what is taken for one another is found out. */
const maxOpeningChars = 200;

interface Entry extends KnownPrefix {
  /** Hash of the messages as they are spelled. */
  readonly spelling: string;
}

/** Of one list, as long as it lives. */
interface ListPrefixes {
  readonly scope: string;
  /** Longest first. */
  readonly prefixes: readonly KnownPrefix[];
}

/** Of one list so many are kept: its newest messages may come back in another spelling. */
const maxListPrefixes = 4;

/** @param minMessages of shorter histories everything is made anew */
export function createKnownPrefixes(minMessages = 16): KnownPrefixes {
  /** By opening, the one that was remembered last at the end. */
  const entries = new Map<string, Entry>();
  const ofLists = new WeakMap<readonly Message[], ListPrefixes>();
  let size = 0;
  /** Who has just looked for a history remembers more of it: what was hashed need not be once more. */
  let walk: Walk | undefined;
  /** One walk at a time has it. */
  const hash = new SpellingHash();

  function forget(key: string): void {
    size -= entries.get(key)?.prefixes.length ?? 0;
    entries.delete(key);
  }

  /** The list has them as well, and so may those that grow from it. */
  function findGrown(scope: string, messages: readonly Message[]): KnownPrefix | undefined {
    const growth = growthOf(messages);
    const before = growth && ofLists.get(growth.earlier);
    if (growth === undefined || before === undefined || before.scope !== scope) return undefined;
    const prefixes = before.prefixes.filter(({ endIndex }) => endIndex <= growth.count);
    if (prefixes.length > 0) ofLists.set(messages, { scope, prefixes });
    return prefixes[0];
  }

  function rememberOf(scope: string, messages: readonly Message[], prefix: KnownPrefix): void {
    const known = ofLists.get(messages);
    const others = known?.scope === scope ? known.prefixes : [];
    const earlier = others.filter(({ endIndex }) => endIndex < prefix.endIndex);
    ofLists.set(messages, { scope, prefixes: [prefix, ...earlier.slice(0, maxListPrefixes - 1)] });
  }

  return {
    find(scope, messages) {
      walk = undefined;
      if (messages.length < minMessages) return undefined;
      const grown = findGrown(scope, messages);
      if (grown !== undefined || entries.size === 0) return grown;
      const entry = entries.get(openingOf(scope, messages));
      if (entry === undefined || entry.endIndex > messages.length) return undefined;
      const found = new Walk(scope, messages, hash);
      if (found.spellingUntil(entry.endIndex) !== entry.spelling) return undefined;
      walk = found;
      return entry;
    },
    remember(scope, messages, { endIndex, chain, prefixes }) {
      const earlier = walk;
      walk = undefined;
      if (messages.length < minMessages || prefixes.length > maxPrefixes) return;
      const isGrown = ofLists.get(messages)?.scope === scope;
      rememberOf(scope, messages, { endIndex, chain, prefixes });
      // Its hash would be of all of it: the one that is there still holds, of less.
      if (isGrown) return;
      const known = earlier?.isOf(scope, messages, endIndex) === true ? earlier : new Walk(scope, messages, hash);
      const key = openingOf(scope, messages);
      forget(key);
      entries.set(key, { endIndex, chain, prefixes, spelling: known.spellingUntil(endIndex) });
      size += prefixes.length;
      for (const oldest of entries.keys()) {
        if (size <= maxPrefixes && entries.size <= maxEntries) break;
        forget(oldest);
      }
    },
  };
}

function openingOf(scope: string, messages: readonly Message[]): string {
  const part = messages.find(({ role }) => role === "user")?.content[0];
  if (part instanceof LongText) {
    const { json } = part;
    return sha256(`${scope}${json.length} ${Buffer.from(json.subarray(0, maxOpeningChars)).toString("latin1")}`);
  }
  return sha256(part?.type === "text" ? `${scope}${part.text.length} ${part.text.slice(0, maxOpeningChars)}` : scope);
}

/**
 * The hash of all that the canonical form is made of, each piece with its length before it, so that no two lists of pieces
 * read the same.
 */
class Walk {
  readonly #scope: string;
  readonly #messages: readonly Message[];
  readonly #hash: SpellingHash;
  #at = 0;

  constructor(scope: string, messages: readonly Message[], hash: SpellingHash) {
    this.#scope = scope;
    this.#messages = messages;
    this.#hash = hash;
    hash.restart();
    hash.text(scope);
  }

  isOf(scope: string, messages: readonly Message[], end: number): boolean {
    return scope === this.#scope && messages === this.#messages && end >= this.#at;
  }

  /** @param end not before the last one */
  spellingUntil(end: number): string {
    for (; this.#at < end; this.#at++) this.#add(this.#messages[this.#at]!);
    return this.#hash.value;
  }

  /** Message by message: what a hash is of must not depend on where somebody asked for it before. */
  #add(message: Message): void {
    const hash = this.#hash;
    // What it says is no turn's; where it stands counts.
    if (message.role === "system") return hash.text(";system");
    /** Short pieces go together. */
    let gathered = `;${message.role}`;
    if (message.role === "tool") gathered += piece(message.callId);
    for (const part of message.content) {
      if (part instanceof LongText) {
        hash.text(`${gathered}/${part.json.length}:`);
        hash.bytes(part.json);
        gathered = "";
      } else gathered += spelled(part);
    }
    if (message.role === "assistant") {
      for (const { callId, toolName, argumentsText } of message.toolCalls) {
        gathered += `+${piece(callId)}${piece(toolName)}${piece(argumentsText)}`;
      }
    }
    hash.text(gathered);
  }
}

function spelled(part: ContentPart): string {
  if (part.type === "text") return piece(part.text);
  return part.type === "media" ? `*${piece(JSON.stringify(part.part))}` : `*${part.type}${piece(part.url)}`;
}

function piece(text: string): string {
  return `,${text.length}:${text}`;
}
