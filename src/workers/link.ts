// Questions and answers between two processes over a channel of messages. Either side may ask, and every question has a
// limit. Knows nothing of what is asked.

import { reasonOf } from "../contract/thrown.ts";

/** What crosses the channel. */
type Message =
  | { readonly ask: number; readonly kind: string; readonly body: unknown }
  | { readonly answer: number; readonly body: unknown }
  | { readonly refusal: number; readonly sentence: string };

/** By name what may be asked: one value in, one value out, both plain JSON. */
export type Questions<Asked> = { readonly [Kind in keyof Asked]: (body: never) => unknown };

export type Answers<Asked extends Questions<Asked>> = {
  readonly [Kind in keyof Asked]: (
    body: Parameters<Asked[Kind]>[0],
  ) => ReturnType<Asked[Kind]> | Promise<ReturnType<Asked[Kind]>>;
};

export interface Link<Asked extends Questions<Asked>> {
  /**
   * @throws {LinkError} when there is no answer within the limit, or the channel is closed; what the other side says that
   * went wrong
   */
  ask<Kind extends keyof Asked & string>(
    kind: Kind,
    body: Parameters<Asked[Kind]>[0],
    withinMs: number,
  ): Promise<ReturnType<Asked[Kind]>>;
  /** Something came over the channel. */
  receive(message: unknown): void;
  /** Nothing comes any more. */
  close(sentence: string): void;
}

export class LinkError extends Error {
  override readonly name = "LinkError";
}

interface Waiting {
  resolve(body: unknown): void;
  reject(error: LinkError): void;
}

/**
 * @param send may throw when the channel is closed
 * @param answers what the other side may ask
 */
export function createLink<Asked extends Questions<Asked>, Answered extends Questions<Answered>>(
  send: (message: Message) => void,
  answers: Answers<Answered>,
): Link<Asked> {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let closed: string | undefined;

  async function reply(id: number, kind: string, body: unknown): Promise<void> {
    const answer = Object.hasOwn(answers, kind) ? answers[kind as keyof Answered] : undefined;
    try {
      if (answer === undefined) throw new LinkError(`nobody answers "${kind}"`);
      // The two sides are one program: what comes under this name has its type.
      tell({ answer: id, body: await answer(body as never) });
    } catch (error) {
      tell({ refusal: id, sentence: reasonOf(error) });
    }
  }

  function tell(message: Message): void {
    try {
      send(message);
    } catch {
      // The other side is gone, and with it whoever waited.
    }
  }

  return {
    ask(kind, body, withinMs) {
      const { promise, resolve, reject } = Promise.withResolvers<never>();
      const id = ++lastId;
      const timer = setTimeout(() => end(new LinkError(`no answer to "${kind}" within ${withinMs} ms`)), withinMs);
      function end(error?: LinkError): void {
        clearTimeout(timer);
        waiting.delete(id);
        if (error !== undefined) reject(error);
      }
      waiting.set(id, {
        resolve(answer) {
          end();
          // As above: one program.
          resolve(answer as never);
        },
        reject: end,
      });
      try {
        if (closed !== undefined) throw new LinkError(closed);
        send({ ask: id, kind, body });
      } catch (error) {
        end(error instanceof LinkError ? error : new LinkError(`the channel is closed: ${String(error)}`));
      }
      return promise;
    },
    receive(received) {
      if (!isMessage(received)) return;
      if ("ask" in received) void reply(received.ask, received.kind, received.body);
      else if ("answer" in received) waiting.get(received.answer)?.resolve(received.body);
      else waiting.get(received.refusal)?.reject(new LinkError(received.sentence));
    },
    close(sentence) {
      closed = sentence;
      for (const one of waiting.values()) one.reject(new LinkError(sentence));
    },
  };
}

function isMessage(received: unknown): received is Message {
  if (typeof received !== "object" || received === null) return false;
  return "ask" in received || "answer" in received || "refusal" in received;
}
