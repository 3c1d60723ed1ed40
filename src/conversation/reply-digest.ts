// A reply's place in the chain of fingerprints, from its pieces as they are sent: no reply is too long for it.

import type { ToolCall } from "../contract/chat-request.ts";
import type { PrefixFingerprint } from "../store/store.ts";
import { canonicalCall, canonicalTurns } from "./canonical.ts";
import { extendChain, type HistoryFingerprints, hashTurn } from "./fingerprints.ts";
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
  const { scope, openMessages, strict, loose } = history.tip;
  // An assistant message at the very end of the request: the reply continues it, and both come back as one turn.
  const open = canonicalTurns(openMessages)[0];
  const digest = new TextDigest();
  const calls: string[] = [...(open?.toolCalls ?? [])];
  if (open !== undefined) {
    digest.add(open.text);
    digest.endMessage();
  }
  return {
    text: (piece) => digest.add(piece),
    call: (call) => void calls.push(canonicalCall(call)),
    finish() {
      const textHash = digest.finish();
      if (textHash === "" && calls.length === 0) return { strict, loose, lastTurn: sha256(scope) };
      const turnHash = hashTurn(scope, "assistant", textHash, calls);
      return { ...extendChain({ strict, loose }, [], turnHash), lastTurn: turnHash };
    },
  };
}

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
