// Messages that are too long for the firewall, and the files that carry them.

import type { ChatRequest } from "../../../contract/chat-request.ts";
import type { OpenContext } from "../../../contract/upstream.ts";
import type { Account } from "../../../credentials/account.ts";
import { withRetry } from "../../../outbound/retry.ts";
import type { QwenFile } from "../../../wire/qwen-web.ts";
import type { Unseen } from "../message/compose-message.ts";
import type { CreationRetry } from "../create-chat.ts";
import { type OutgoingMessage, sendAsFile } from "../message/outgoing-message.ts";
import { type UploadOptions, uploadFile } from "./upload.ts";

export interface MessageFilesOptions extends UploadOptions {
  /** Longest message in characters that is sent as text. Undefined: no limit. */
  readonly maxMessageChars: number | undefined;
  /** Longer messages go up as a file; without it they are refused. */
  readonly upload: boolean;
  readonly retry: CreationRetry;
}

export interface MessageFiles {
  mustCarry(message: OutgoingMessage): boolean;
  /** @throws {GatewayError} `context-too-long` when it cannot go up as a file */
  carry(message: OutgoingMessage, turn: FileTurn, unseen: Unseen): Promise<OutgoingMessage>;
}

export interface FileTurn {
  readonly request: ChatRequest;
  readonly context: OpenContext;
  readonly account: Account;
}

/** From the asking for leave to the reading of the file. */
const uploadTimeoutMs = 30_000;

export function createMessageFiles(options: MessageFilesOptions): MessageFiles {
  const { maxMessageChars = Number.POSITIVE_INFINITY } = options;
  const hasLimit = options.maxMessageChars !== undefined;
  return {
    // A text of a megabyte is not made into a string where nobody asks how long it is.
    mustCarry: ({ content }) => hasLimit && content.toString().length > maxMessageChars,

    async carry({ content, files }, { request, context, account }, unseen) {
      const upload = (name: string, text: string): Promise<QwenFile> => {
        const signal = AbortSignal.any([context.signal, AbortSignal.timeout(uploadTimeoutMs)]);
        const file = {
          name,
          bytes: new TextEncoder().encode(text),
          mediaType: "text/plain",
          kind: "document",
        } as const;
        return withRetry(() => uploadFile(options, account, file, signal), {
          ...options.retry,
          deadlineMs: context.deadlineMs,
          signal,
        });
      };
      const cover = await sendAsFile(request, unseen, content.toString(), {
        maxMessageChars,
        upload: options.upload ? upload : undefined,
        signal: context.signal,
      });
      return { ...cover, files: [...files, ...cover.files] };
    },
  };
}
