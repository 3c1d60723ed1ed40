// One message and its whole answer, in a chat that is deleted afterwards: what tests of an account want to see.

import type { Account } from "../../../credentials/account.ts";
import { decodeInto } from "../../../outbound/decode-into.ts";
import type { QwenWebClient } from "../client.ts";
import { decoderFor } from "../reply/decoder-for.ts";
import { featureConfigOf, type Mode } from "../model-mode.ts";
import { createCompletionBody, createQwenMessage } from "../request-body.ts";

const deleteTimeoutMs = 10_000;

/** @throws {GatewayError} classified; whatever fails, the chat is deleted */
export async function exchangeOnce(
  client: QwenWebClient,
  account: Account,
  model: string,
  text: string,
  signal: AbortSignal,
): Promise<string> {
  const chatId = await client.createChat(account, model, "t2t", signal);
  try {
    const content = { content: text, files: [], parentId: null, model, chatType: "t2t" as const };
    const mode: Mode = { thinking: "fast", search: false };
    const message = createQwenMessage({
      ...content,
      featureConfig: featureConfigOf(mode, undefined),
      nowMs: Date.now(),
    });
    const completion = await client.sendMessage(account, createCompletionBody(chatId, null, model, message), signal);
    const { source, decoder } = decoderFor(completion, { chatId, model });
    return await new Promise<string>((resolve, reject) => {
      let answer = "";
      const onEvent: Parameters<typeof decoder.feed>[1] = (event) => {
        if (event.type === "text-delta") answer += event.text.text;
        else if (event.type === "reply-end") resolve(answer);
        else if (event.type === "reply-error") reject(event.error);
      };
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      source.start(decodeInto(decoder, onEvent, reject));
    }).finally(() => source.cancel());
  } finally {
    // A chat that stays behind is litter, no failure of the test.
    await client.deleteChat(account, chatId, AbortSignal.timeout(deleteTimeoutMs)).catch(() => {});
  }
}
