// The chat that a turn goes to: its conversation's own, one that was made for it before, or a new one.

import { repeatableAtOnce } from "../../contract/gateway-error.ts";
import type { Resume, UpstreamReply } from "../../contract/upstream.ts";
import type { Account } from "../../credentials/account.ts";
import { sleep, withRetry } from "../../outbound/retry.ts";
import type { Log } from "../../telemetry/log.ts";
import { isAboutChat } from "./chain-errors.ts";
import { type QwenWebClient, stopTimeoutMs } from "./client.ts";
import { type CreationRetry, createChat } from "./create-chat.ts";
import { QwenRefusal } from "./errors.ts";
import { everything } from "./message/compose-message.ts";
import type { ComposeTurn } from "./message/compose-turn.ts";
import type { OutgoingMessage } from "./message/outgoing-message.ts";
import type { ReplyPlace, ToolTurns } from "./message/tool-turns.ts";
import type { TurnSender } from "./send-turn.ts";
import type { SpareChats } from "./spare-chats.ts";
import type { Turn } from "./turn.ts";

export interface TurnChatsOptions {
  readonly client: QwenWebClient;
  readonly sender: TurnSender;
  readonly spareChats: SpareChats;
  readonly compose: ComposeTurn;
  readonly toolTurns: ToolTurns;
  /** Repetitions of chat creation. */
  readonly retry: CreationRetry;
  readonly clock: () => number;
  readonly log: Log;
}

/** How long a busy chat is waited for before the conversation moves to a new one; it settles in 2 to 6 s. */
const busyWaitMs = 10_000;

/** @returns what opens the reply to a turn. It throws {GatewayError} when no chat takes it */
export function createTurnChats(options: TurnChatsOptions): (turn: Turn) => Promise<UpstreamReply> {
  const { client, sender, spareChats, compose, toolTurns } = options;

  return (turn) => {
    const { resume } = turn.context;
    const isKnown = resume !== undefined && turn.account.id === resume.account && !sender.hasLost(resume);
    return isKnown ? continueOrStart(turn, resume) : startChat(turn);
  };

  async function continueOrStart(turn: Turn, resume: Resume): Promise<UpstreamReply> {
    return (await continueChat(turn, resume)) ?? startChat(turn);
  }

  /**
   * Undefined when the chain is broken, or the chat stays busy: the caller starts a new chat with the whole history.
   * @throws {QwenRefusal} also where it stays busy and there is no history
   */
  async function continueChat(turn: Turn, resume: Resume): Promise<UpstreamReply | undefined> {
    const { context, account } = turn;
    const { chatId, nodeId } = resume.continuation;
    spareChats.drop(chatId);
    const unseen = { ...resume, ...toolTurns.unseenIn(resume, turn.request) };
    const composed = compose(turn, unseen);
    const outgoing = composed instanceof Promise ? await composed : composed;
    if (resume.interrupted?.responseId) {
      const limit = AbortSignal.any([context.signal, AbortSignal.timeout(stopTimeoutMs)]);
      await client.stop(account, chatId, resume.interrupted.responseId, limit);
    }
    const settleMs = Math.min(resume.readyAtMs - options.clock(), busyWaitMs);
    if (settleMs > 0) await sleep(settleMs, context.signal);
    try {
      return await withRetry(() => sender.send(turn, chatId, nodeId, outgoing), {
        maxAttempts: Number.POSITIVE_INFINITY,
        baseDelayMs: 400,
        maxDelayMs: 2000,
        deadlineMs: Math.min(context.deadlineMs, options.clock() + busyWaitMs),
        signal: context.signal,
        isRetryable: (error) => error instanceof QwenRefusal && error.chainAction === "wait",
      });
    } catch (error) {
      // Busy, it knows what was said all the same: a new one, of a client that sends no history, would know nothing.
      const isBusy = isAboutChat(error) && error.chainAction === "wait";
      if (!isAboutChat(error) || (isBusy && turn.mustStay)) throw error;
      options.log.info("The chat cannot be continued: a new one takes over", {
        requestId: context.requestId,
        reason: error.message,
      });
      return undefined;
    }
  }

  async function startChat(turn: Turn): Promise<UpstreamReply> {
    const { request, context, account } = turn;
    const missed = toolTurns.missedCall(request);
    const unseen = everything(request, missed !== undefined);
    const composed = compose(turn, unseen);
    const outgoing = composed instanceof Promise ? await composed : composed;
    const spare = takeMissed(missed, account) ?? spareChats.take(account.id, context.caller, outgoing.content);
    const reply = spare === undefined ? undefined : await sendInSpare(turn, spare, outgoing);
    if (reply !== undefined) return reply;
    const onLate = (late: string): void => sender.keepSpare(turn, late, outgoing.content, true);
    const chatId = await createChat(client, options.retry, { ...turn, onLate });
    try {
      return await sender.send(turn, chatId, null, outgoing);
    } catch (error) {
      throw isAboutChat(error) ? repeatableAtOnce(error) : error;
    }
  }

  /** Undefined when it is gone or busy: that must not fail a request that never asked for it. */
  async function sendInSpare(
    turn: Turn,
    chatId: string,
    outgoing: OutgoingMessage,
  ): Promise<UpstreamReply | undefined> {
    try {
      return await sender.send(turn, chatId, null, outgoing);
    } catch (error) {
      if (!isAboutChat(error)) throw error;
      return undefined;
    }
  }

  /** The chat whose only answer lacked its call is still this turn's own. */
  function takeMissed(missed: ReplyPlace | undefined, account: Account): string | undefined {
    if (missed?.account !== account.id || missed.isResumed) return undefined;
    spareChats.drop(missed.chatId);
    return missed.chatId;
  }
}
