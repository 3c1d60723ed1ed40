// The Qwen web backend as an upstream: one chat a conversation, one message a turn, attached to the right node.

import type { ChatRequest } from "../../contract/chat-request.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { OpenContext, Resume, Upstream, UpstreamReply } from "../../contract/upstream.ts";
import type { Account } from "../../credentials/account.ts";
import type { HttpClient } from "../../outbound/http-client.ts";
import { sleep, withRetry } from "../../outbound/retry.ts";
import type { Log } from "../../telemetry/log.ts";
import { createQwenWebClient } from "./client.ts";
import { composeMessage, everything, type Unseen } from "./compose-message.ts";
import { QwenRefusal, upstreamName } from "./errors.ts";
import { decoderFor } from "./decoder-for.ts";
import type { ChainOn } from "./event-decoder.ts";
import { chatTypeOf, chooseMode, featureConfigOf, type Mode } from "./model-mode.ts";
import { createModelList } from "./models.ts";
import { sendOrStop } from "./orphan.ts";
import { createCompletionBody, createQwenMessage } from "./request-body.ts";
import { createSpareChats } from "./spare-chats.ts";

export interface QwenWebOptions {
  /** At least one; the first serves new conversations. */
  readonly accounts: readonly [Account, ...Account[]];
  readonly http: HttpClient;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly chatTitle: string;
  readonly defaultModel: string;
  readonly chainOn: ChainOn;
  /** Longest message in characters that is sent; beyond it the request is refused. Undefined: no limit. */
  readonly maxMessageChars: number | undefined;
  readonly maxLineBytes: number;
  /** Repetitions of chat creation. */
  readonly retry: { readonly maxAttempts: number; readonly baseDelayMs: number; readonly maxDelayMs: number };
  readonly userAgent: string;
  readonly clock: () => number;
  readonly log: Log;
}

/** How long a busy chat is waited for before the conversation moves to a new one; it settles in 2 to 6 s. */
const busyWaitMs = 10_000;
/** The settle time of a chat whose stop was not confirmed. */
const unconfirmedSettleMs = 2000;
const stopTimeoutMs = 5000;
/** How long the end of a body may take behind its finish, before the connection is given up. */
const bodyEndMs = 1000;

/** One turn as it is about to be sent. */
interface Turn {
  readonly request: ChatRequest;
  readonly context: OpenContext;
  readonly account: Account;
  readonly model: string;
  readonly mode: Mode;
}

export function createQwenWebUpstream(options: QwenWebOptions): Upstream {
  const client = createQwenWebClient(options);
  const spareChats = createSpareChats(options.clock);
  const newAccount = options.accounts[0];
  const models = createModelList({
    fetchList: (signal) => client.listModels(newAccount, signal),
    defaultModel: options.defaultModel,
    clock: options.clock,
    log: options.log,
  });
  const accountOf = (id: string): Account | undefined => options.accounts.find((account) => account.id === id);

  async function open(request: ChatRequest, context: OpenContext): Promise<UpstreamReply> {
    const { id: model, mode: suffix } = await models.resolve(request.model, context.signal);
    const mode = chooseMode(suffix, request.reasoning, request.webSearch);
    const resume = context.resume;
    const account = (resume === undefined ? undefined : accountOf(resume.account)) ?? newAccount;
    const turn: Turn = { request, context, account, model, mode };
    if (resume !== undefined && account.id === resume.account) {
      const reply = await continueChat(turn, resume);
      if (reply !== undefined) return reply;
    }
    return startChat(turn);
  }

  /** Undefined when the chain is broken, or the chat stays busy: the caller starts a new chat with the whole history. */
  async function continueChat(turn: Turn, resume: Resume): Promise<UpstreamReply | undefined> {
    const { context, account } = turn;
    const { chatId, nodeId } = resume.continuation;
    const text = composeChecked(turn.request, resume);
    if (resume.interrupted?.responseId) {
      await client.stop(account, chatId, resume.interrupted.responseId, AbortSignal.timeout(stopTimeoutMs));
    }
    const settleMs = Math.min(resume.readyAtMs - options.clock(), busyWaitMs);
    if (settleMs > 0) await sleep(settleMs, context.signal);
    try {
      return await withRetry(() => send(turn, chatId, nodeId, text), {
        maxAttempts: Number.POSITIVE_INFINITY,
        baseDelayMs: 400,
        maxDelayMs: 2000,
        deadlineMs: Math.min(context.deadlineMs, options.clock() + busyWaitMs),
        signal: context.signal,
        isRetryable: (error) => error instanceof QwenRefusal && error.chainAction === "wait",
      });
    } catch (error) {
      if (!(error instanceof QwenRefusal) || error.chainAction === "none") throw error;
      options.log.info("The chat cannot be continued, a new one takes over", {
        requestId: context.requestId,
        reason: error.message,
      });
      return undefined;
    }
  }

  async function startChat(turn: Turn): Promise<UpstreamReply> {
    const { request, context, account, model, mode } = turn;
    const text = composeChecked(request, everything(request));
    const chatId =
      spareChats.take(account.id, context.caller) ??
      (await withRetry(() => client.createChat(account, model, chatTypeOf(mode), context.signal), {
        ...options.retry,
        deadlineMs: context.deadlineMs,
        signal: context.signal,
      }).catch(asFinal));
    try {
      return await send(turn, chatId, null, text);
    } catch (error) {
      // A spare chat that turns out to be gone or busy must not fail a request that never asked for it.
      if (error instanceof QwenRefusal && error.chainAction !== "none") throw asRepeatable(error);
      spareChats.put(account.id, context.caller, chatId);
      throw error;
    }
  }

  async function send(turn: Turn, chatId: string, parentId: string | null, text: string): Promise<UpstreamReply> {
    const { request, context, account, model, mode } = turn;
    const message = createQwenMessage({
      content: text,
      parentId,
      model,
      chatType: chatTypeOf(mode),
      featureConfig: featureConfigOf(mode, request.reasoning.budgetTokens),
      nowMs: options.clock(),
    });
    const body = createCompletionBody(chatId, parentId, model, message);
    const sending = sendOrStop(client, account, body, context.signal);
    const completion = await sending.accepted;
    const { source, decoder } = decoderFor(completion, {
      chatId,
      model,
      chainOn: options.chainOn,
      maxLineBytes: options.maxLineBytes,
      onSkipped: (reason) =>
        options.log.warn("Skipped an event of Qwen's stream", { requestId: context.requestId, reason }),
    });
    return {
      account: account.id,
      startedAfresh: context.resume !== undefined && context.resume.continuation.chatId !== chatId,
      model,
      body: source,
      decoder,
      async onEnd(outcome) {
        const close = (): void => {
          source.cancel();
          sending.abort();
        };
        if (outcome === "complete") {
          // The end of the body follows the finish closely: read up to it, the connection serves the next turn.
          source.resume();
          setTimeout(close, bodyEndMs).unref();
          return 0;
        }
        close();
        const responseId = decoder.continuation?.responseId;
        const isAtRest =
          decoder.isOver ||
          (responseId != null && (await client.stop(account, chatId, responseId, AbortSignal.timeout(stopTimeoutMs))));
        if (isAtRest && parentId === null) spareChats.put(account.id, context.caller, chatId);
        return isAtRest ? 0 : unconfirmedSettleMs;
      },
    };
  }

  function composeChecked(request: ChatRequest, unseen: Unseen): string {
    refuseAttachments(request, unseen.unseenFrom);
    const text = composeMessage(request, unseen);
    if (options.maxMessageChars !== undefined && text.length > options.maxMessageChars) {
      throw new GatewayError(
        "context-too-long",
        `The message is ${text.length} characters long, more than the ${options.maxMessageChars} that Qwen's firewall lets pass: shorten it or start a new conversation`,
        { upstream: upstreamName, param: "messages" },
      );
    }
    return text;
  }

  return {
    name: upstreamName,
    listModels: (signal) => models.list(signal),
    open,
    async deleteChat(accountId, chatId, signal) {
      const account = accountOf(accountId);
      if (account !== undefined) await client.deleteChat(account, chatId, signal);
    },
  };
}

/** Chat creation has had its own repetitions: nobody repeats it once more. */
function asFinal(error: unknown): never {
  if (!(error instanceof GatewayError) || !error.retryable) throw error;
  throw new GatewayError(error.kind, error.message, {
    cause: error,
    upstream: upstreamName,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  });
}

function asRepeatable(error: QwenRefusal): GatewayError {
  return new GatewayError(error.kind, error.message, { cause: error, upstream: upstreamName, retryable: true });
}

function refuseAttachments(request: ChatRequest, unseenFrom: number): void {
  for (const [index, message] of request.messages.entries()) {
    if (index < unseenFrom || message.content.every((part) => part.type === "text")) continue;
    throw new GatewayError("invalid-request", `Cannot send messages[${index}]: this upstream takes text only`, {
      upstream: upstreamName,
      param: `messages[${index}].content`,
    });
  }
}
