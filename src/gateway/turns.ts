// The turn of an exchange: which conversation it continues, the claim on its chat, and its commit or release.

import type { ChatRequest } from "../contract/chat-request.ts";
import type { Continuation } from "../contract/continuation.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Resume, UpstreamReply } from "../contract/upstream.ts";
import { fingerprintHistory, type HistoryFingerprints } from "../conversation/fingerprints.ts";
import { createReplyDigest, type ReplyDigest } from "../conversation/reply-digest.ts";
import type { SessionHints } from "../conversation/session-hints.ts";
import { firstUserText, sessionIdOf } from "../conversation/session-id.ts";
import { unseenMessages } from "../conversation/unseen-messages.ts";
import { sleep } from "../outbound/retry.ts";
import type { PrefixFingerprint, Store, TurnClaim, TurnLookup } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { createSessionQueue } from "./session-queue.ts";
import { createTimeLimit } from "./time-limit.ts";

export interface TurnOptions {
  readonly store: Store;
  readonly upstreamName: string;
  /** `first-message`: the same first words are the same chat. @defaultValue "history" */
  readonly match: "history" | "first-message";
  /** How long a commit may hold back the end of a reply. @defaultValue 250 */
  readonly commitMs: number;
  readonly log: Log;
}

/** `started` any number of times, then `commit` or `release`, of which only the first counts. `leave` may come before. */
export interface Turn {
  /**
   * Finds what the turn continues and leases its chat; called once, before all else.
   * @throws {GatewayError} when the request continues nothing and has no user message, or its session stays busy
   */
  begin(signal: AbortSignal): Promise<void>;
  /** As the client named it, until the turn has begun. */
  readonly sessionId: string;
  readonly resume: Resume | undefined;
  /** Notes where a reply that has begun stands. Never rejects. */
  started(reply: UpstreamReply, continuation: Continuation): Promise<void>;
  /** Takes what the client is sent, so that the next request finds this turn. A fresh one for each attempt. */
  createDigest(): ReplyDigest;
  /** The client has gone: the chat is being freed, and whoever continues it at once waits for that. */
  leave(): void;
  commit(fingerprint: PrefixFingerprint, continuation: Continuation | undefined, settleMs: number): Promise<void>;
  release(settleMs: number): Promise<void>;
}

export interface Turns {
  /** A turn that has not begun: nothing has been looked up. */
  create(request: ChatRequest, caller: string, hints: SessionHints): Turn;
}

/** Between two looks at a chat that another process has leased. */
const busyPollMs = 50;
/** How long a turn waits for the one before it in its session, or for a chat whose client has just left. */
const headWaitMs = 90_000;
const leavingWaitMs = 6000;

export function createTurns(options: TurnOptions): Turns {
  const { store } = options;
  const queue = createSessionQueue();
  /** A store that hangs must not hold an answer back for ever. */
  const withinLimit = createTimeLimit(options.commitMs, "commit the turn");
  /** Turns whose client has left and whose chat is not free yet, by the fingerprint that they continued. */
  const leaving = new Map<string, Promise<void>>();

  async function begin(
    request: ChatRequest,
    caller: string,
    hints: SessionHints,
    signal: AbortSignal,
  ): Promise<BegunTurn> {
    const history = fingerprintHistory(caller, request.messages, request.tools);
    const firstText = firstUserText(request.messages);
    const lookup = createLookup(history, hints, firstText);
    if (lookup.by === "history") {
      const claim = await claimByHistory(caller, lookup, signal);
      return createTurn(request, caller, hints, history, claim, () => {});
    }
    const limit = AbortSignal.timeout(headWaitMs);
    const limited = AbortSignal.any([signal, limit]);
    let leave = (): void => {};
    try {
      leave = await queue.enter(`${caller}\n${lookup.sessionId}`, limited);
      const claim = await claimHead(caller, lookup, limited);
      // A thin client's history begins in the middle: what it says must never pass for the opening of a conversation.
      const isPartial = hints.thin && claim !== undefined;
      const scope = isPartial ? `${caller}\n${claim.conversationId}` : caller;
      const known = isPartial ? fingerprintHistory(scope, request.messages, request.tools) : history;
      return createTurn(request, caller, hints, known, claim, leave);
    } catch (error) {
      leave();
      throw limit.aborted && !signal.aborted ? sessionBusy() : error;
    }
  }

  function createLookup(history: HistoryFingerprints, hints: SessionHints, firstText: string | undefined): TurnLookup {
    const common = { systemHashes: history.systemHashes, sessionHint: hints.sessionId };
    if (hints.thin && hints.sessionId !== undefined && history.assistantTurns === 0) {
      return { ...common, by: "head", sessionId: hints.sessionId };
    }
    if (options.match === "first-message" && firstText !== undefined) {
      return { ...common, by: "head", sessionId: hints.sessionId ?? sessionIdOf(firstText) };
    }
    return { ...common, by: "history", prefixes: history.prefixes };
  }

  /** A client that stops an answer and asks again at once continues its chat, as soon as that is free. */
  async function claimByHistory(
    caller: string,
    lookup: TurnLookup & { readonly by: "history" },
    signal: AbortSignal,
  ): Promise<TurnClaim | undefined> {
    if (lookup.prefixes.length === 0) return undefined;
    const claim = await store.beginTurn(caller, lookup);
    if (claim !== undefined && claim !== "busy") return claim;
    const ending = lookup.prefixes.map((prefix) => leaving.get(prefix.strict)).find((one) => one !== undefined);
    if (ending === undefined) return undefined;
    await Promise.race([ending, sleep(leavingWaitMs, signal)]);
    const second = await store.beginTurn(caller, lookup);
    return second === "busy" ? undefined : second;
  }

  /** Parallel turns of one session run one after the other: the queue orders those of this process, the lease all others. */
  async function claimHead(caller: string, lookup: TurnLookup, signal: AbortSignal): Promise<TurnClaim | undefined> {
    for (;;) {
      const claim = await store.beginTurn(caller, lookup);
      if (claim !== "busy") return claim;
      await sleep(busyPollMs, signal);
    }
  }

  function createTurn(
    request: ChatRequest,
    caller: string,
    hints: SessionHints,
    history: HistoryFingerprints,
    found: TurnClaim | undefined,
    leave: () => void,
  ): BegunTurn {
    const firstText = firstUserText(request.messages);
    const usable = found?.upstream === options.upstreamName ? found : undefined;
    if (found !== undefined && usable === undefined) void giveBack(found, 0);
    if (usable === undefined && firstText === undefined) {
      leave();
      throw new GatewayError(
        "invalid-request",
        'Cannot begin a conversation: "messages" has no message with role "user"',
        {
          param: "messages",
        },
      );
    }
    const sessionId = hints.sessionId ?? found?.sessionId ?? sessionIdOf(firstText ?? "");
    const isFoundByHead = usable !== undefined && usable.prefixIndex === undefined;
    let claim = usable;
    let isOver = false;
    const released = Promise.withResolvers<void>();
    let model = "";
    let notes: Promise<void> = Promise.resolve();

    async function note(reply: UpstreamReply, continuation: Continuation): Promise<void> {
      if (claim !== undefined && claim.continuation.chatId === continuation.chatId) {
        await store.noteReply(claim, continuation);
        return;
      }
      claim = await store.openConversation(caller, {
        sessionId,
        sessionHint: hints.sessionId,
        upstream: options.upstreamName,
        account: reply.account,
        model: reply.model,
        continuation,
        priorReplies: history.assistantTurns,
        byHead: hints.thin || options.match === "first-message",
        replaces: claim,
      });
    }

    async function write(fingerprint: PrefixFingerprint, continuation: Continuation, settleMs: number): Promise<void> {
      await notes;
      if (claim === undefined) return;
      await store.endTurn(claim, {
        fingerprint,
        // What a thin client leaves out still holds.
        systemHashes: isFoundByHead && history.systemHashes.length === 0 ? usable.systemHashes : history.systemHashes,
        toolHashes: history.toolHashes,
        sessionHint: hints.sessionId,
        model,
        continuation,
        settleMs,
      });
    }

    return {
      sessionId,
      resume: usable === undefined ? undefined : toResume(usable, request, history),
      started(reply, continuation) {
        model = reply.model;
        notes = notes
          .then(() => note(reply, continuation))
          .catch((error: unknown) => {
            options.log.error("Cannot note a running reply", {}, error);
          });
        return withinLimit(notes).catch(() => {
          // The store is slow: the answer does not wait for it any longer.
        });
      },
      createDigest: () => createReplyDigest(history),
      leave() {
        const continued = usable?.prefixIndex === undefined ? undefined : history.prefixes[usable.prefixIndex]?.strict;
        if (isOver || continued === undefined) return;
        leaving.set(continued, released.promise);
        void released.promise.then(() => leaving.delete(continued));
      },
      async commit(fingerprint, continuation, settleMs) {
        if (isOver) return;
        isOver = true;
        try {
          if (continuation === undefined) await release(settleMs);
          else await withinLimit(write(fingerprint, continuation, settleMs));
        } catch (error) {
          options.log.error("Cannot commit a turn: its conversation will start a new chat", {}, error);
        } finally {
          released.resolve();
          leave();
        }
      },
      async release(settleMs) {
        if (isOver) return;
        isOver = true;
        try {
          await release(settleMs);
        } finally {
          released.resolve();
          leave();
        }
      },
    };

    async function release(settleMs: number): Promise<void> {
      await notes;
      if (claim !== undefined) await giveBack(claim, settleMs);
    }
  }

  /** Never rejects. */
  async function giveBack(claim: TurnClaim, settleMs: number): Promise<void> {
    try {
      await store.releaseTurn(claim, settleMs);
    } catch (error) {
      options.log.error("Cannot give a chat back: its lease will expire", {}, error);
    }
  }

  function create(request: ChatRequest, caller: string, hints: SessionHints): Turn {
    const named = hints.sessionId ?? sessionIdOf(firstUserText(request.messages) ?? "");
    let begun: BegunTurn | undefined;
    return {
      async begin(signal) {
        begun = await begin(request, caller, hints, signal);
      },
      get sessionId() {
        return begun?.sessionId ?? named;
      },
      get resume() {
        return begun?.resume;
      },
      started: async (reply, continuation) => begun?.started(reply, continuation),
      leave: () => begun?.leave(),
      createDigest() {
        if (begun === undefined) throw new Error("a turn that has not begun has no reply");
        return begun.createDigest();
      },
      commit: async (fingerprint, continuation, settleMs) => begun?.commit(fingerprint, continuation, settleMs),
      release: async (settleMs) => begun?.release(settleMs),
    };
  }

  return { create };
}

type BegunTurn = Omit<Turn, "begin">;

function toResume(claim: TurnClaim, request: ChatRequest, history: HistoryFingerprints): Resume {
  return {
    continuation: claim.continuation,
    account: claim.account,
    ...unseenMessages(request.messages, history, claim),
    interrupted: claim.interrupted,
    readyAtMs: claim.readyAtMs,
  };
}

function sessionBusy(): GatewayError {
  return new GatewayError(
    "overloaded",
    "The session is still busy with an earlier message: try again when it has been answered",
    { retryAfterMs: 5000 },
  );
}
