// The calls of the Qwen web backend with web types, for people who drive the chain themselves.

import type { Account } from "../credentials/account.ts";
import { toStream } from "../outbound/to-stream.ts";
import { type RetryOptions, withRetry } from "../outbound/retry.ts";
import type { QwenWebClient } from "../upstreams/qwen-web/client.ts";
import type { QwenCompletionBody } from "../wire/qwen-web.ts";
import { defaultModel } from "./transform.ts";

export interface QwenClient {
  /** Creates a chat, with repetitions on passing failures. @returns its id */
  createNewChat(model?: string, signal?: AbortSignal): Promise<string>;
  /**
   * Sends one message. The answer's body is the backend's own stream.
   * @throws {GatewayError} on every refusal, whatever its status says
   */
  sendMessage(payload: QwenCompletionBody, options?: { readonly signal?: AbortSignal }): Promise<Response>;
}

export function createQwenClient(client: QwenWebClient, account: Account, retry: RetryOptions): QwenClient {
  const never = new AbortController().signal;
  return {
    createNewChat: (model = defaultModel, signal = never) =>
      withRetry(() => client.createChat(account, model, "t2t", signal), { ...retry, signal }),
    async sendMessage(payload, { signal = never } = {}) {
      const completion = await client.sendMessage(account, payload, signal);
      if (completion.type === "json") return Response.json(completion.body);
      return new Response(toStream(completion.body), { headers: { "content-type": "text/event-stream" } });
    },
  };
}
