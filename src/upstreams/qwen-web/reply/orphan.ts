// A completion whose client left before it was accepted: its reply is learnt and stopped, so that the chat is free again.

import type { Account } from "../../../credentials/account.ts";
import { decodeInto } from "../../../outbound/decode-into.ts";
import type { QwenCompletionBody } from "../../../wire/qwen-web.ts";
import { type AcceptedCompletion, type QwenWebClient, stopTimeoutMs } from "../client.ts";
import { createEventDecoder } from "./event-decoder.ts";
import type { MessageContent } from "../message/message-text.ts";

/** How long a reply that nobody waits for is read on to learn its id. */
const learnMs = 2000;

export interface Sending {
  readonly accepted: Promise<AcceptedCompletion>;
  /** Of a turn that was not accepted: resolves with whether nothing is generated for it any more. */
  isAtRest(): Promise<boolean>;
  /** Ends the request and its body. */
  abort(): void;
}

/**
 * Sends a turn. When `signal` is aborted before the backend has answered, the promise rejects at once while the request
 * lives on for a moment: a generation that has begun can only be stopped by an id that it tells itself.
 */
export function sendOrStop(
  client: QwenWebClient,
  account: Account,
  body: QwenCompletionBody<MessageContent>,
  signal: AbortSignal,
): Sending {
  if (signal.aborted) {
    return { accepted: Promise.reject(signal.reason), isAtRest: async () => true, abort() {} };
  }
  return new WatchedSending(client, account, body, signal);
}

class WatchedSending implements Sending, EventListenerObject {
  readonly accepted: Promise<AcceptedCompletion>;
  readonly #client: QwenWebClient;
  readonly #account: Account;
  readonly #body: QwenCompletionBody<MessageContent>;
  readonly #signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #sent: Promise<AcceptedCompletion>;
  readonly #reject: (reason: unknown) => void;
  #isAtRest = atRest;

  constructor(client: QwenWebClient, account: Account, body: QwenCompletionBody<MessageContent>, signal: AbortSignal) {
    this.#client = client;
    this.#account = account;
    this.#body = body;
    this.#signal = signal;
    this.#sent = client.sendMessage(account, body, this.#controller.signal);
    const { promise, resolve, reject } = Promise.withResolvers<AcceptedCompletion>();
    this.accepted = promise;
    this.#reject = reject;
    signal.addEventListener("abort", this);
    this.#sent.then(
      (completion) => {
        signal.removeEventListener("abort", this);
        resolve(completion);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", this);
        reject(error);
      },
    );
  }

  /** The signal is aborted. */
  handleEvent(): void {
    this.#reject(this.#signal.reason);
    this.#isAtRest = stopOrphan(this.#client, this.#account, this.#body, this.#sent, this.#controller);
  }

  isAtRest(): Promise<boolean> {
    return this.#isAtRest;
  }

  abort(): void {
    this.#controller.abort();
  }
}

const atRest = Promise.resolve(true);

/** Never rejects. False: the generation may go on, and the chat settles by itself in a few seconds. */
async function stopOrphan(
  client: QwenWebClient,
  account: Account,
  body: QwenCompletionBody<MessageContent>,
  sent: Promise<AcceptedCompletion>,
  controller: AbortController,
): Promise<boolean> {
  const timer = setTimeout(() => controller.abort(), learnMs);
  try {
    const completion = await sent;
    if (completion.type === "json") return true;
    const responseId = await learnResponseId(completion, body.chat_id, controller.signal);
    if (responseId === undefined) return false;
    return await client.stop(account, body.chat_id, responseId, AbortSignal.timeout(stopTimeoutMs));
  } catch {
    // Refused: there is nothing to stop. Too slow: there is no way to.
    return !controller.signal.aborted;
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

function learnResponseId(
  completion: Extract<AcceptedCompletion, { type: "stream" }>,
  chatId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const decoder = createEventDecoder({ chatId, model: "" });
  return new Promise((resolve) => {
    const finish = (): void => {
      completion.body.cancel();
      resolve(decoder.isOver ? undefined : (decoder.continuation?.responseId ?? undefined));
    };
    signal.addEventListener("abort", finish, { once: true });
    const { chunk } = decodeInto(decoder, () => {}, finish);
    completion.body.start({
      chunk(bytes) {
        chunk(bytes);
        // Some streams begin with an event that tells the chat, and not yet the answer.
        if (decoder.isOver || decoder.continuation?.responseId != null) finish();
      },
      end: finish,
      fail: finish,
    });
  });
}
