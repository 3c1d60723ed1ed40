// What a page may choose about its chat.

import type { ChatMessage } from "./chat-message.ts";
import type { SSEError } from "./errors.ts";
import type { SSEOptions } from "./options.ts";
import type { ChatStorage } from "./stored-chat.ts";

export interface ChatOptions {
  /** Of the typed chat, such as "/api/chat/stream". */
  readonly url: string;
  /** Goes along with every message, such as `model`, `documents`, `options`. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The conversation to go on with. Absent: the server opens one. Read at the first render. */
  readonly sessionId?: string;
  /** Read at the first render. */
  readonly initialMessages?: readonly ChatMessage[];
  /** The stream that fills the last of `initialMessages`, if one runs. Read at the first render. */
  readonly streamId?: string;
  /** `headers`, `fetch`, `timeout` and so on. `maxRetries` is 5 here, `resume` is on. */
  readonly stream?: SSEOptions;
  /**
   * Where a running answer is kept for a reload; `null`: nowhere.
   * @defaultValue sessionStorage
   */
  readonly storage?: ChatStorage | null;
  /**
   * A page with several chats at once gives each its own.
   * @defaultValue "qwen-gateway.chat"
   */
  readonly storageKey?: string;
  /** Hears of what `error` shows. */
  onError?(error: SSEError): void;
}
