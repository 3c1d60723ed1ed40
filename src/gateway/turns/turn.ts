// The turn of an exchange, as the exchange sees it. What it does is running-turn.ts; what it continues, turns.ts finds.

import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import type { Continuation } from "../../contract/continuation.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { Resume, Upstream, UpstreamReply } from "../../contract/upstream.ts";
import type { HistoryFingerprints } from "../../conversation/fingerprints.ts";
import type { ReplyDigest } from "../../conversation/reply-digest.ts";
import type { SessionHints } from "../../conversation/session-hints.ts";
import type { ChatPlace, PrefixFingerprint, TurnClaim } from "../../store/store.ts";

/** `started` any number of times, then `commit` or `release`, of which only the first counts. `leave` may come before. */
export interface Turn {
  /**
   * Finds what the turn continues and leases its chat; called once, before all else.
   * @param upstreams that may serve it; a chat of another one is no use
   * @throws {GatewayError} when the request continues nothing and has no user message, or its session stays busy
   */
  begin(signal: AbortSignal, upstreams: readonly Server[]): Promise<void>;
  /** As the client named it, else made of its first words. Undefined where nobody keeps the conversation. */
  readonly sessionId: string | undefined;
  /** A chat was made for it and came to nothing: deleted when it is of no use any more. Undefined: it may stay. */
  readonly leaveChat: ((chat: ChatPlace) => void) | undefined;
  /** The upstream that has seen the conversation. Undefined: none has, or the turn has not begun. */
  readonly upstream: string | undefined;
  readonly resume: Resume | undefined;
  /**
   * Whether this upstream can know what was said before. A client that sends only what is new stays with the kind of
   * upstream that its session began with: one remembers by itself, for all others the gateway does.
   */
  mayServe(upstream: Server): boolean;
  /** What was said before, where neither the client nor the upstream can tell. */
  recall(): Promise<readonly Message[]>;
  /** The text of the reply will be asked for. */
  readonly keepsText: boolean;
  /** Notes where a reply that has begun stands. Never rejects. */
  started(upstream: string, reply: UpstreamReply, continuation: Continuation): Promise<void>;
  /** Takes what the client is sent, so that the next request finds this turn. A fresh one for each attempt. */
  createDigest(): ReplyDigest;
  /** The client has gone: the chat is being freed, and whoever continues it at once waits for that. */
  leave(): void;
  commit(reply: FinishedReply): Promise<void>;
  release(settleMs: number): Promise<void>;
}

/** What a turn needs to know of an upstream. */
export type Server = Pick<Upstream, "name" | "keepsConversations">;

export interface FinishedReply {
  readonly upstream: string;
  readonly account: string;
  readonly model: string;
  readonly fingerprint: PrefixFingerprint;
  /** Undefined: the upstream remembers nothing. */
  readonly continuation: Continuation | undefined;
  readonly settleMs: number;
  /** What the client was sent. Undefined unless `keepsText`. */
  readonly message: Message | undefined;
}

export interface TurnQuestion {
  readonly request: ChatRequest;
  readonly caller: string;
  readonly hints: SessionHints;
}

/** What a turn was found to continue. */
export interface Found {
  readonly history: HistoryFingerprints;
  readonly claim: TurnClaim | undefined;
  /** Lets the next turn of its session begin. */
  leave(): void;
}

export function keepsConversations(upstream: Server): boolean {
  return upstream.keepsConversations === true;
}

/** A client that sends only what is new, to an upstream that has not heard the rest. */
export function sessionElsewhere(): GatewayError {
  return new GatewayError(
    "invalid-request",
    "Cannot continue this session with this model: another kind of upstream has heard what was said before. Send the whole history, or name another session",
    { param: "model" },
  );
}
