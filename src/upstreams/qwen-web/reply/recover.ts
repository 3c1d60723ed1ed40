// The rest of an answer whose stream broke off, from the chat as the backend keeps it. Read once: what is not whole by then
// is an error for its client.

import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import type { SaidText } from "../../../contract/upstream.ts";
import type { Account } from "../../../credentials/account.ts";
import { objectIn } from "../../read-fields.ts";
import type { QwenWebClient } from "../client.ts";

/** The client of the broken stream waits meanwhile. */
const readTimeoutMs = 5000;

export interface StoredRest {
  readonly whole: string;
  /** What is still to be said of it. */
  readonly rest: string;
}

/** @returns undefined when the stored answer is not whole, or is another one */
export async function readRest(
  client: QwenWebClient,
  account: Account,
  chatId: string,
  responseId: string,
  said: SaidText,
): Promise<StoredRest | undefined> {
  const chat = await client.readChat(account, chatId, AbortSignal.timeout(readTimeoutMs));
  const answer = storedAnswer(chat, responseId);
  const rest = answer === undefined ? undefined : said.restOf(answer);
  return answer === undefined || rest === undefined ? undefined : { whole: answer, rest };
}

/**
 * The text of a stored answer, if it is whole. Its pieces stand in `content_list`, one a phase, each with the status that
 * its stream had last: the answer is whole when it has a piece of phase "answer" and every piece says "finished".
 * `content` alone, which older chats have, does not tell whether it is whole.
 */
export function storedAnswer(chat: JsonObject, responseId: string): string | undefined {
  const node = objectIn(objectIn(objectIn(objectIn(chat, "chat"), "history"), "messages"), responseId);
  const pieces = node?.["content_list"];
  if (node?.["role"] !== "assistant" || !Array.isArray(pieces)) return undefined;
  let text: string | undefined;
  for (const piece of pieces as readonly unknown[]) {
    if (!isJsonObject(piece) || piece["status"] !== "finished") return undefined;
    if (piece["phase"] === "answer" && typeof piece["content"] === "string") text = (text ?? "") + piece["content"];
  }
  return text;
}
