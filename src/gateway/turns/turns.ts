// Which conversation a turn continues: by the fingerprints of its history, or by the head of the session that it names.

import type { ChatRequest } from "../../contract/chat-request.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { fingerprintHistory, type HistoryFingerprints } from "../../conversation/fingerprints.ts";
import { createKnownPrefixes } from "../../conversation/known-prefixes.ts";
import type { SessionHints } from "../../conversation/session-hints.ts";
import { firstUserText, sessionIdOf } from "../../conversation/session-id.ts";
import { sleep } from "../../outbound/retry.ts";
import type { Store, TurnClaim, TurnLookup } from "../../store/store.ts";
import type { Log } from "../../telemetry/log.ts";
import { createLeavingTurns, type LeavingTurns } from "./leaving-turns.ts";
import { NotKept } from "./not-kept.ts";
import { giveBack, isThread, RunningTurn, type TurnRoom } from "./running-turn.ts";
import type { SessionDeletion } from "./session-deletion.ts";
import { createSessionQueue, type SessionQueue } from "./session-queue.ts";
import { createTimeLimit } from "../time-limit.ts";
import { type Found, sessionElsewhere, type Server, type Turn, type TurnQuestion } from "./turn.ts";

export interface TurnOptions {
  readonly store: Store;
  /** `first-message`: the same first words are the same chat. */
  readonly match: "history" | "first-message";
  /** How long a commit may hold back the end of a reply. */
  readonly commitMs: number;
  /** While a store on another machine cannot be used. @defaultValue "stateless" */
  readonly storeDown?: "refuse" | "stateless" | undefined;
  /** Of the chats that came to nothing. @defaultValue they stay */
  readonly deletion?: Pick<SessionDeletion, "deleteChats" | "deleteChatsLater">;
  readonly log: Log;
  /** Of all gateways of the process. @defaultValue its own */
  readonly shared?: { readonly sessions: SessionQueue; readonly leaving: LeavingTurns };
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
  const { sessions: queue, leaving } = options.shared ?? {
    sessions: createSessionQueue(),
    leaving: createLeavingTurns(),
  };
  const knownPrefixes = createKnownPrefixes();
  const room: TurnRoom = {
    store,
    log: options.log,
    alwaysByHead: options.match === "first-message",
    // A store that hangs must not hold an answer back for ever.
    withinLimit: createTimeLimit(options.commitMs, "commit the turn"),
    leaving,
    deleteChats: async (chats) => options.deletion?.deleteChats(chats),
    deleteChatsLater: options.deletion?.deleteChatsLater,
    find,
  };

  /** Else a conversation would begin anew for no better reason than that somebody restarts the store. */
  const refusesWithoutStore = options.storeDown === "refuse" && store.unreachable !== undefined;

  /** @throws {GatewayError} at once or by rejecting */
  function find(question: TurnQuestion, signal: AbortSignal, upstreams: readonly Server[]): Promise<Found> {
    const { request, caller, hints } = question;
    const keepers = namesOfKeepers(upstreams);
    const history = fingerprintHistory(caller, request.messages, request.tools, knownPrefixes);
    const lookup = createLookup(history, hints, request);
    if (lookup.by === "head") {
      return findHead(question, history, lookup, signal, hints.thin ? upstreams.map(({ name }) => name) : keepers);
    }
    if (keepers.length === 0) return Promise.resolve(new NotKept(question));
    const away = refusesWithoutStore ? store.unreachable?.() : undefined;
    if (away !== undefined) return Promise.reject(away);
    if (lookup.prefixes.length > 0) return findByHistory(question, history, lookup, signal, keepers);
    requireStart(request, undefined);
    return Promise.resolve({ history, claim: undefined, leave: nobodyWaits });
  }

  async function findByHistory(
    { request, caller }: TurnQuestion,
    history: HistoryFingerprints,
    lookup: TurnLookup & { readonly by: "history" },
    signal: AbortSignal,
    upstreams: readonly string[],
  ): Promise<Found> {
    const known = await claimByHistory(caller, lookup, signal).catch((error: unknown) => withoutStore(error, signal));
    const claim = usable(known, upstreams);
    requireStart(request, claim);
    return { history, claim, leave: nobodyWaits };
  }

  /** A full disk costs the chat and not the answer: the client has told everything. */
  function withoutStore(error: unknown, signal: AbortSignal): undefined {
    if (signal.aborted || refusesWithoutStore) throw error;
    options.log.error("Cannot look for a conversation: a new chat takes its place", {}, error);
  }

  async function findHead(
    question: TurnQuestion,
    history: HistoryFingerprints,
    lookup: TurnLookup & { readonly by: "head" },
    signal: AbortSignal,
    upstreams: readonly string[],
  ): Promise<Found> {
    const { request, caller, hints } = question;
    const limit = AbortSignal.timeout(headWaitMs);
    const limited = AbortSignal.any([signal, limit]);
    let leave = nobodyWaits;
    try {
      leave = await queue.enter(`${caller}\n${lookup.sessionId}`, limited);
      const found = await claimHead(caller, lookup, limited);
      const claim = found !== undefined && isThread(found) ? found : usable(found, upstreams);
      if (hints.thin && found !== claim) throw sessionElsewhere();
      requireStart(request, claim);
      // A thin client's history begins in the middle: what it says must never pass for the opening of a conversation.
      const isPartial = hints.thin && claim !== undefined;
      const scope = isPartial ? `${caller}\n${claim.conversationId}` : caller;
      const known = isPartial ? fingerprintHistory(scope, request.messages, request.tools) : history;
      return { history: known, claim, leave };
    } catch (error) {
      leave();
      throw limit.aborted && !signal.aborted ? sessionBusy() : error;
    }
  }

  function createLookup(history: HistoryFingerprints, hints: SessionHints, { messages }: ChatRequest): TurnLookup {
    const { systemHashes, prefixes, assistantTurns } = history;
    const sessionHint = hints.sessionId;
    if (hints.thin && sessionHint !== undefined && assistantTurns === 0) {
      return { by: "head", sessionId: sessionHint, systemHashes, sessionHint };
    }
    const firstText = options.match === "first-message" ? firstUserText(messages) : undefined;
    if (firstText === undefined) return { by: "history", prefixes, systemHashes, sessionHint };
    return { by: "head", sessionId: sessionHint ?? sessionIdOf(firstText), systemHashes, sessionHint };
  }

  /** A client that stops an answer and asks again at once continues its chat, as soon as that is free. */
  async function claimByHistory(
    caller: string,
    lookup: TurnLookup & { readonly by: "history" },
    signal: AbortSignal,
  ): Promise<TurnClaim | undefined> {
    const claim = await store.beginTurn(caller, lookup);
    if (claim !== undefined && claim !== "busy") return claim;
    const ending = lookup.prefixes.map((prefix) => room.leaving.find(prefix.strict)).find((one) => one !== undefined);
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

  /** A chat of an upstream that will not be asked is given back at once. */
  function usable(claim: TurnClaim | undefined, upstreams: readonly string[]): TurnClaim | undefined {
    if (claim === undefined || upstreams.includes(claim.upstream)) return claim;
    void giveBack(room, claim, 0);
    return undefined;
  }

  return { create: (request, caller, hints) => new RunningTurn(room, { request, caller, hints }) };
}

function namesOfKeepers(upstreams: readonly Server[]): string[] {
  const names: string[] = [];
  for (const { name, keepsConversations } of upstreams) if (keepsConversations === true) names.push(name);
  return names;
}

function nobodyWaits(): void {}

/** @throws {GatewayError} `invalid-request` */
function requireStart({ messages }: ChatRequest, claim: TurnClaim | undefined): void {
  if (claim !== undefined || messages.some(({ role }) => role === "user")) return;
  throw new GatewayError("invalid-request", 'Cannot begin a conversation: "messages" has no message with role "user"', {
    param: "messages",
  });
}

function sessionBusy(): GatewayError {
  return new GatewayError(
    "overloaded",
    "The session is still busy with an earlier message: try again when it has been answered",
    { retryAfterMs: 5000 },
  );
}
