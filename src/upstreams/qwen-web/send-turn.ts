// One message to one chat, and the reply to it: read, ended, stopped when its client has left, looked up when it breaks off.

import { GatewayError, repeatableAtOnce } from "../../contract/gateway-error.ts";
import { budgetOf } from "../../contract/reasoning-effort.ts";
import type { Resume, SaidText, UpstreamReply } from "../../contract/upstream.ts";
import type { Account } from "../../credentials/account.ts";
import type { Log } from "../../telemetry/log.ts";
import type { WebAccounts } from "./accounts/accounts.ts";
import type { OwnAccounts } from "./accounts/own-account.ts";
import { isAboutChat } from "./chain-errors.ts";
import { type AcceptedCompletion, type QwenWebClient, stopTimeoutMs } from "./client.ts";
import { type QwenRefusal, upstreamName } from "./errors.ts";
import type { MessageContent } from "./message/message-text.ts";
import type { OutgoingMessage } from "./message/outgoing-message.ts";
import { holdsCalls, type ToolTurns } from "./message/tool-turns.ts";
import { chatTypeOf, featureConfigOf } from "./model-mode.ts";
import { decoderFor } from "./reply/decoder-for.ts";
import { createDeltaShapes } from "./reply/delta-shapes.ts";
import type { ChainOn, WebEventDecoder } from "./reply/event-decoder.ts";
import { sendOrStop } from "./reply/orphan.ts";
import { readRest } from "./reply/recover.ts";
import { createCompletionBody, createQwenMessage } from "./request-body.ts";
import type { SpareChats } from "./spare-chats.ts";
import type { Turn } from "./turn.ts";

export interface TurnSenderOptions {
  readonly client: QwenWebClient;
  readonly accounts: WebAccounts;
  readonly ownAccounts: OwnAccounts;
  readonly spareChats: SpareChats;
  readonly toolTurns: ToolTurns;
  readonly chainOn: ChainOn;
  /** An answer whose stream breaks off is looked up in the stored chat. */
  readonly recover: boolean;
  readonly maxLineBytes: number;
  readonly clock: () => number;
  readonly log: Log;
}

export interface TurnSender {
  /**
   * @param parentId the node that the message is an answer to. Null: it is the first of its chat
   * @throws {GatewayError} when the chat does not take it
   */
  send(turn: Turn, chatId: string, parentId: string | null, outgoing: OutgoingMessage): Promise<UpstreamReply>;
  /** The chat of a turn that came to nothing serves its repetition, unless Qwen may still write in it. */
  keepSpare(turn: Turn, chatId: string, content: MessageContent, isAtRest: boolean): void;
  /** The chain turned out broken when its stream was open already: the next attempt starts a new chat. */
  hasLost(resume: Resume): boolean;
}

/** The settle time of a chat whose stop was not confirmed. */
const unconfirmedSettleMs = 2000;

export function createTurnSender(options: TurnSenderOptions): TurnSender {
  const { client, accounts, ownAccounts, spareChats, toolTurns } = options;
  const shapes = createDeltaShapes();
  const lostChains = new WeakSet<Resume>();

  function keepSpare({ account, context }: Turn, chatId: string, content: MessageContent, isAtRest: boolean): void {
    // A chat that a conversation of its own continues is nobody else's, however empty it is.
    const isResumed = context.resume?.continuation.chatId === chatId;
    if (isResumed) return;
    if (isAtRest) spareChats.put(account.id, context.caller, content, chatId);
    context.leaveChat?.(account.id, chatId);
  }

  async function send(
    turn: Turn,
    chatId: string,
    parentId: string | null,
    outgoing: OutgoingMessage,
  ): Promise<UpstreamReply> {
    const { request, context, account, use, model, mode } = turn;
    const message = createQwenMessage({
      content: outgoing.content,
      files: outgoing.files,
      parentId,
      model,
      chatType: chatTypeOf(mode),
      featureConfig: featureConfigOf(mode, budgetOf(request.reasoning)),
      nowMs: options.clock(),
    });
    const sending = sendOrStop(client, account, createCompletionBody(chatId, parentId, model, message), context.signal);
    let isLost = false;
    let completion: AcceptedCompletion;
    try {
      completion = await sending.accepted;
    } catch (error) {
      if (parentId === null && !isAboutChat(error)) {
        void sending.isAtRest().then((isAtRest) => keepSpare(turn, chatId, outgoing.content, isAtRest));
      }
      throw error;
    }
    const { source, decoder } = decoderFor(completion, {
      chatId,
      model,
      chainOn: options.chainOn,
      maxLineBytes: options.maxLineBytes,
      shapes,
      onRefusal(refusal) {
        const isAboutFiles = refusal.kind === "invalid-request";
        isLost = losesChat(turn, parentId, refusal);
        if (isLost && context.resume !== undefined) lostChains.add(context.resume);
        const isStale = isAboutFiles && outgoing.forgetFiles?.() === true;
        if (isLost || isStale) return repeatableAtOnce(refusal);
        const judged = judgeInStream(turn, refusal);
        return isAboutFiles ? naming(outgoing.fileField, judged) : judged;
      },
      onSkipped: (reason) =>
        options.log.warn("Skipped an event of Qwen's stream", { requestId: context.requestId, reason }),
    });
    const place = { account: account.id, chatId, isResumed: parentId !== null };
    const reply: UpstreamReply = {
      account: account.id,
      model,
      body: source,
      decoder: toolTurns.read(decoder, request, place, context.requestId),
      onEnd(ending) {
        use.end();
        return ending === "complete" ? atRest : giveUp(ending === "cut");
      },
    };
    if (options.recover) reply.recover = (said) => recover(turn, chatId, decoder, said);
    return reply;

    /** @param isKept the conversation goes on in this chat */
    async function giveUp(isKept: boolean): Promise<number> {
      source.cancel();
      sending.abort();
      const responseId = decoder.continuation?.responseId;
      const isAtRest = decoder.isOver || (responseId != null && (await stop(account, chatId, responseId)));
      if (parentId === null && !isLost && !isKept) keepSpare(turn, chatId, outgoing.content, isAtRest);
      return isAtRest ? 0 : unconfirmedSettleMs;
    }
  }

  /** A long reply may outlive its token. */
  async function stop(account: Account, chatId: string, responseId: string): Promise<boolean> {
    const signal = AbortSignal.timeout(stopTimeoutMs);
    return client.stop(await accounts.current(account, signal), chatId, responseId, signal);
  }

  /** A refusal that came as an event: as long as nothing was said, the request may be sent once more. */
  function judgeInStream({ account, context, mustStay }: Turn, refusal: QwenRefusal): GatewayError {
    const verdict = accounts.judge(account, refusal);
    if (verdict === "renewable") return repeatableAtOnce(refusal);
    const isAside = verdict === "set-aside";
    if (isAside && ownAccounts.waitsFor(context.resume, account.id)) return repeatableAtOnce(refusal);
    if (mustStay) return refusal;
    if (!isAside || !accounts.mayMove(refusal, account.id)) {
      ownAccounts.failed(context.resume, refusal);
      return refusal;
    }
    ownAccounts.refused(context.resume, account.id);
    return repeatableAtOnce(refusal);
  }

  async function recover(
    { account, context, request }: Turn,
    chatId: string,
    decoder: WebEventDecoder,
    said: SaidText,
  ): Promise<string | undefined> {
    const responseId = decoder.continuation?.responseId;
    if (responseId == null) return undefined;
    const found = await readRest(client, await accounts.current(account, context.signal), chatId, responseId, said);
    // A call in it, begun or not, was to be read and not to be shown: the client asks again.
    const rest = found === undefined || holdsCalls(found.whole, request) ? undefined : found.rest;
    const outcome = rest === undefined ? "its stored chat does not hold it whole" : "its stored chat holds the rest";
    options.log.info(`An answer broke off: ${outcome}`, { requestId: context.requestId });
    return rest;
  }

  return { send, keepSpare, hasLost: (resume) => lostChains.has(resume) };
}

const atRest = Promise.resolve(0);

function naming(field: string | undefined, refusal: GatewayError): GatewayError {
  if (field === undefined) return refusal;
  const message = `Cannot use "${field}": Qwen refused the message or its attachment`;
  return new GatewayError(refusal.kind, message, { cause: refusal, upstream: upstreamName, param: field });
}

/**
 * Whether a new chat may do better. An older message's file may be gone for Qwen: there it goes up anew. What passes, or
 * may be the newest message's own fault, is no reason where nobody would know there what was said.
 */
function losesChat({ mustStay }: Turn, parentId: string | null, { chainAction, kind }: QwenRefusal): boolean {
  if (chainAction === "restart") return true;
  // It holds no answer yet: no chat knows less.
  if (parentId === null) return chainAction === "wait";
  return !mustStay && (chainAction === "wait" || kind === "invalid-request");
}
