// A new chat for a turn, asked for again as long as that may help.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { OpenContext } from "../../contract/upstream.ts";
import type { Account } from "../../credentials/account.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import { withRetry } from "../../outbound/retry.ts";
import type { QwenChatType } from "../../wire/qwen-web.ts";
import { accountRefusal } from "./accounts/accounts.ts";
import { asFinal } from "./chain-errors.ts";
import type { QwenWebClient } from "./client.ts";
import { chatTypeOf, type Mode } from "./model-mode.ts";

/** How long a chat that nobody waits for any more may take to be made. */
const lateMs = 5000;

interface LateChat {
  /** Nobody waits for this chat any more: it was made all the same. */
  onLate(chatId: string): void;
}

export interface NewChat extends LateChat {
  readonly account: Account;
  readonly model: string;
  readonly mode: Mode;
  readonly context: Pick<OpenContext, "signal" | "deadlineMs">;
}

export interface CreationRetry {
  readonly maxAttempts: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

/** @returns its id. @throws {GatewayError} when it is refused for good, or time and attempts are spent */
export async function createChat(client: QwenWebClient, retry: CreationRetry, chat: NewChat): Promise<string> {
  try {
    return await createAtOnce(client, chat);
  } catch (error) {
    return repeat(client, retry, chat, error);
  }
}

/** @param error of the first attempt */
function repeat(client: QwenWebClient, retry: CreationRetry, chat: NewChat, error: unknown): Promise<string> {
  const { signal, deadlineMs } = chat.context;
  const create = (attempt: number): Promise<string> =>
    attempt === 1 ? Promise.reject(error) : createAtOnce(client, chat);
  return withRetry(create, { ...retry, deadlineMs, signal, isRetryable: mayRepeat }).catch(asFinal);
}

function createAtOnce(client: QwenWebClient, { account, model, mode, context, onLate }: NewChat): Promise<string> {
  return createOnce(client, { account, model, chatType: chatTypeOf(mode), signal: context.signal, onLate });
}

export interface OneCreation extends LateChat {
  readonly account: Account;
  readonly model: string;
  readonly chatType: QwenChatType;
  readonly signal: AbortSignal;
}

/**
 * One attempt. Rejects as soon as `signal` is aborted, while the request lives on for a moment: Qwen makes the chat that it was
 * asked for, and one that nobody knows would stay there for ever.
 */
export async function createOnce(client: QwenWebClient, chat: OneCreation): Promise<string> {
  const { account, model, chatType, signal, onLate } = chat;
  signal.throwIfAborted();
  const controller = new AbortController();
  const made = client.createChat(account, model, chatType, controller.signal);
  try {
    return await orAborted(made, signal);
  } catch (error) {
    if (signal.aborted) {
      const timer = setTimeout(() => controller.abort(), lateMs);
      // Refused, or too slow: there is none.
      made.then(onLate, () => {}).finally(() => clearTimeout(timer));
    }
    throw error;
  }
}

function mayRepeat(error: unknown): boolean {
  return error instanceof GatewayError && error.retryable && accountRefusal(error) === undefined;
}
