// A reply's place in the chain of fingerprints, from its pieces as they are sent: no reply is too long for it.

import type { ToolCall } from "../contract/chat-request.ts";
import type { PrefixFingerprint } from "../store/store.ts";
import { canonicalCall, canonicalTurns } from "./canonical.ts";
import { extendChain, type HistoryFingerprints, type HistoryTip, hashTurn } from "./fingerprints.ts";
import { sha256 } from "./sha256.ts";
import { TextDigest } from "./text-digest.ts";

export interface ReplyDigest {
  text(piece: string): void;
  call(call: ToolCall): void;
  /**
   * The fingerprint that the longest prefix of the next request will have if its client sends history and reply back.
   * An empty reply leaves no turn: then it is the fingerprint of the history itself, which no prefix ever has, so that
   * the next request continues from the turn before. Ends the digest.
   */
  finish(): PrefixFingerprint;
}

export function createReplyDigest(history: HistoryFingerprints): ReplyDigest {
  return new RunningDigest(history.tip);
}

/** The same of calls as they will come back. */
export function digestEchoes(digest: ReplyDigest, echoed: (call: ToolCall) => ToolCall): ReplyDigest {
  return {
    text: (piece) => digest.text(piece),
    call: (call) => digest.call(echoed(call)),
    finish: () => digest.finish(),
  };
}

class RunningDigest implements ReplyDigest {
  readonly #tip: HistoryTip;
  readonly #text = new TextDigest();
  readonly #calls: string[] = [];

  constructor(tip: HistoryTip) {
    this.#tip = tip;
    if (tip.openMessages.length > 0) this.#continue(tip);
  }

  /** An assistant message at the very end of the request: the reply continues it, and both come back as one turn. */
  #continue({ openMessages, tools }: HistoryTip): void {
    const open = canonicalTurns(openMessages, tools)[0];
    if (open === undefined) return;
    this.#calls.push(...open.toolCalls);
    this.#text.add(open.text);
    this.#text.endMessage();
  }

  text(piece: string): void {
    this.#text.add(piece);
  }

  call(call: ToolCall): void {
    this.#calls.push(canonicalCall(call, this.#tip.tools));
  }

  finish(): PrefixFingerprint {
    const { strict, loose, scope } = this.#tip;
    const textHash = this.#text.finish();
    if (textHash === "" && this.#calls.length === 0) return { strict, loose, lastTurn: sha256(scope) };
    const lastTurn = hashTurn(scope, "assistant", textHash, this.#calls);
    const chain = extendChain(this.#tip, noResults, lastTurn);
    return { strict: chain.strict, loose: chain.loose, lastTurn };
  }
}

const noResults: readonly never[] = [];

/** The same of a reply that is there as a whole. */
export function fingerprintReply(
  history: HistoryFingerprints,
  reply: { readonly text: string; readonly toolCalls: readonly ToolCall[] },
): PrefixFingerprint {
  const digest = createReplyDigest(history);
  digest.text(reply.text);
  for (const call of reply.toolCalls) digest.call(call);
  return digest.finish();
}
