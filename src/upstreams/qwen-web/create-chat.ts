// A new chat for a turn, asked for again as long as that may help.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { OpenContext } from "../../contract/upstream.ts";
import type { Account } from "../../credentials/account.ts";
import { withRetry } from "../../outbound/retry.ts";
import { accountRefusal } from "./accounts/accounts.ts";
import { asFinal } from "./chain-errors.ts";
import type { QwenWebClient } from "./client.ts";
import { chatTypeOf, type Mode } from "./model-mode.ts";

export interface NewChat {
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
    return await client.createChat(chat.account, chat.model, chatTypeOf(chat.mode), chat.context.signal);
  } catch (error) {
    return repeat(client, retry, chat, error);
  }
}

/** @param error of the first attempt */
function repeat(client: QwenWebClient, retry: CreationRetry, chat: NewChat, error: unknown): Promise<string> {
  const { account, model, mode, context } = chat;
  const { signal, deadlineMs } = context;
  const create = (attempt: number): Promise<string> =>
    attempt === 1 ? Promise.reject(error) : client.createChat(account, model, chatTypeOf(mode), signal);
  return withRetry(create, { ...retry, deadlineMs, signal, isRetryable: mayRepeat }).catch(asFinal);
}

function mayRepeat(error: unknown): boolean {
  return error instanceof GatewayError && error.retryable && accountRefusal(error) === undefined;
}
