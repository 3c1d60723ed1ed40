// The Qwen web backend as an upstream: one chat a conversation, one message a turn, attached to the right node.

import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import { GatewayError, repeatableAtOnce } from "../../contract/gateway-error.ts";
import { budgetOf } from "../../contract/reasoning-effort.ts";
import type { OpenContext, Resume, SaidText, Upstream, UpstreamReply } from "../../contract/upstream.ts";
import type { Account } from "../../credentials/account.ts";
import type { AccountUse } from "../../credentials/account-pool.ts";
import type { AttachmentLoader } from "../../attachments/load-attachment.ts";
import type { GuardedDownload } from "../../outbound/guarded-download.ts";
import type { HttpClient } from "../../outbound/http-client.ts";
import { sleep, withRetry } from "../../outbound/retry.ts";
import type { Log } from "../../telemetry/log.ts";
import type { WebAccounts } from "./accounts/accounts.ts";
import { isAboutChat } from "./chain-errors.ts";
import { type AcceptedCompletion, createQwenWebClient } from "./client.ts";
import { createChat } from "./create-chat.ts";
import { everything } from "./message/compose-message.ts";
import { createComposeTurn } from "./message/compose-turn.ts";
import { QwenRefusal, upstreamName } from "./errors.ts";
import { decoderFor } from "./reply/decoder-for.ts";
import { createDeltaShapes } from "./reply/delta-shapes.ts";
import type { ChainOn, WebEventDecoder } from "./reply/event-decoder.ts";
import { chatTypeOf, chooseMode, featureConfigOf, type Mode, withoutNativeTools } from "./model-mode.ts";
import { createImageForwarding } from "./images/image-forwarding.ts";
import { createModelList, type ModelList } from "./models.ts";
import { sendOrStop } from "./reply/orphan.ts";
import type { OutgoingMessage } from "./message/outgoing-message.ts";
import { createOwnAccounts } from "./accounts/own-account.ts";
import { readRest } from "./reply/recover.ts";
import { createCompletionBody, createQwenMessage } from "./request-body.ts";
import { createSpareChats } from "./spare-chats.ts";
import { createToolTurns, holdsCalls, type ReplyPlace } from "./message/tool-turns.ts";
import { mayCallTools } from "./message/turn-tools.ts";

export interface QwenWebOptions {
  readonly accounts: WebAccounts;
  readonly http: HttpClient;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly chatTitle: string;
  readonly defaultModel: string;
  readonly chainOn: ChainOn;
  /** Longest message in characters that is sent as text. Undefined: no limit. */
  readonly maxMessageChars: number | undefined;
  /** Longer messages go up as a file; without it they are refused. */
  readonly upload: boolean;
  /** Where files go, without a slash at its end. Undefined: the storage that the backend names. */
  readonly storageUrl: string | undefined;
  /** An answer whose stream breaks off is looked up in the stored chat. */
  readonly recover: boolean;
  readonly maxLineBytes: number;
  /** Repetitions of chat creation. */
  readonly retry: { readonly maxAttempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  readonly userAgent: string;
  /** Fetches pictures that the backend has made. */
  readonly download: GuardedDownload;
  /** Reads what messages show. */
  readonly attachments: AttachmentLoader;
  readonly clock: () => number;
  readonly log: Log;
}

/** How long a busy chat is waited for before the conversation moves to a new one; it settles in 2 to 6 s. */
const busyWaitMs = 10_000;
/** The settle time of a chat whose stop was not confirmed. */
const unconfirmedSettleMs = 2000;
const stopTimeoutMs = 5000;

/** One turn as it is about to be sent. */
interface Turn {
  readonly request: ChatRequest;
  readonly context: OpenContext;
  readonly account: Account;
  readonly use: AccountUse;
  /** Nothing but this account's chat knows what was said before. */
  readonly mustStay: boolean;
  readonly model: string;
  readonly mode: Mode;
}

export function createQwenWebUpstream(options: QwenWebOptions): Upstream {
  const { accounts } = options;
  const client = createQwenWebClient({ ...options, onSetCookies: accounts.noteCookies });
  const spareChats = createSpareChats(options.clock);
  const shapes = createDeltaShapes();
  const compose = createComposeTurn({ ...options, client });
  const toolTurns = createToolTurns(options.log);
  /** Chains that turned out broken when their stream was open already: the next attempt starts a new chat. */
  const lostChains = new WeakSet<Resume>();
  const ownAccounts = createOwnAccounts(accounts.pool);
  const createModels = (): ModelList =>
    createModelList({
      fetchList: (signal) => accounts.askAny(signal, (account) => client.listModels(account, signal)),
      defaultModel: options.defaultModel,
      clock: options.clock,
      log: options.log,
    });
  /** What a guest is offered, by an emulator perhaps, says nothing about the accounts that come later. */
  const modelLists = { guest: createModels(), account: createModels() };

  async function currentModels(): Promise<ModelList> {
    await accounts.look();
    return knownModels();
  }

  function knownModels(): ModelList {
    return accounts.isAnonymous ? modelLists.guest : modelLists.account;
  }

  async function open(request: ChatRequest, context: OpenContext): Promise<UpstreamReply> {
    const models = accounts.isFresh ? knownModels() : await currentModels();
    const resolved = models.resolveAtOnce(request.model) ?? (await models.resolve(request.model, context.signal));
    const model = resolved.id;
    const chosen = chooseMode(resolved.mode, request.reasoning, request.webSearch);
    const mode = mayCallTools(request) ? withoutNativeTools(chosen) : chosen;
    const mustStay = hasNoHistory(request.messages, context.resume);
    const { signal, deadlineMs, resume } = context;
    let except = ownAccounts.leftBy(resume);
    for (;;) {
      const conversationOf = ownAccounts.of(resume, toolTurns.missedCall(request));
      const use =
        accounts.pool.pickAtOnce(conversationOf, except) ??
        (await accounts.pool.pick({ conversationOf, mustStay, except, signal, deadlineMs }));
      try {
        return await accounts.ask(use.id, signal, (account) =>
          openTurn({ request, context, account, use, mustStay, model, mode }),
        );
      } catch (error) {
        use.end();
        if (mustStay) throw error;
        if (!accounts.mayMove(error, use.id, except)) {
          ownAccounts.failed(resume, error);
          throw error;
        }
        if (ownAccounts.refused(resume, use.id)) continue;
        except = new Set(except).add(use.id);
        options.log.info("Another account is asked", { requestId: context.requestId, refusedBy: use.alias });
      }
    }
  }

  function openTurn(turn: Turn): Promise<UpstreamReply> {
    const { resume } = turn.context;
    const isKnown = resume !== undefined && turn.account.id === resume.account && !lostChains.has(resume);
    return isKnown ? continueOrStart(turn, resume) : startChat(turn);
  }

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
      return await withRetry(() => send(turn, chatId, nodeId, outgoing), {
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
    const chatId = await createChat(client, options.retry, turn);
    context.onNewChat?.({ account: account.id, model: turn.model, chatId });
    try {
      return await send(turn, chatId, null, outgoing);
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
      return await send(turn, chatId, null, outgoing);
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

  /** The chat of a turn that came to nothing serves its repetition, unless Qwen may still write in it. */
  function keepSpare(
    { account, context }: Turn,
    chatId: string,
    content: OutgoingMessage["content"],
    isAtRest: boolean,
  ): void {
    // A chat that a conversation of its own continues is nobody else's, however empty it is.
    const isResumed = context.resume?.continuation.chatId === chatId;
    if (isAtRest && !isResumed) spareChats.put(account.id, context.caller, content, chatId);
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
    if (mustStay) return refusal;
    if (verdict !== "set-aside" || !accounts.mayMove(refusal, account.id)) {
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

  return {
    name: upstreamName,
    keepsConversations: true,
    choosesModel: true,
    listModels: async (signal) => (await currentModels()).list(signal),
    modelIdOf: (name) => knownModels().resolveAtOnce(name)?.id,
    open,
    async deleteChat(accountId, chatId, signal) {
      spareChats.drop(chatId);
      await accounts.load();
      if (!accounts.known().some(({ id }) => id === accountId)) return;
      if (accounts.pool.isSetAside(accountId)) throw accounts.pool.unavailable([accountId]);
      await accounts.ask(accountId, signal, (account) => client.deleteChat(account, chatId, signal));
    },
    accounts: () => accounts.pool.views(),
    forwarding: createImageForwarding({
      ...options,
      client,
      resolveModel: async (model, signal) => (await (await currentModels()).resolve(model, signal)).id,
    }),
  };
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

/** A thin client sends its newest message alone: in another chat nobody would know what it is about. */
function hasNoHistory(messages: readonly Message[], resume: Resume | undefined): boolean {
  // An answer that is mended, and what is said of it, are no history of the client's.
  if (resume?.mends !== undefined) return hasNoHistory(messages.slice(0, resume.unseenFrom - 1), resume.mends);
  if (resume === undefined || resume.continuation.nodeId === null) return false;
  return messages.every(isNoAnswer);
}

function isNoAnswer({ role }: Message): boolean {
  return role !== "assistant";
}
