// What the emulator was asked, for tests: one bounded list, newest last.

import { isJsonObject } from "../contract/json.ts";
import type { CallName } from "./script.ts";

export interface RecordedRequest<Name extends string = CallName> {
  /** Counted from 1 over the life of the emulator. */
  readonly ordinal: number;
  readonly on: Name;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON; the text itself where it is none; undefined without a body. */
  readonly body: unknown;
  readonly account: string;
  readonly receivedAtMs: number;
  /** `x-actual-status-code` of the answer; 0 while there is none. */
  status: number;
  /** Name of the refusal it was answered with. */
  refusal: string | undefined;
  /** Ids of the turn, once it was accepted. */
  turn: { readonly chatId: string; readonly userId: string; readonly responseId: string } | undefined;
  /** Events of the stream that were handed to the client. */
  eventsDelivered: number;
  /** The final event was among them. */
  finished: boolean;
  /** The client left before the answer had ended. */
  aborted: boolean;
  endedAtMs: number | undefined;
  /** What was wrong with the request and was passed over without a word, as the real server does. */
  readonly notes: string[];
}

export interface RequestLog<Name extends string = CallName> {
  readonly entries: readonly RecordedRequest<Name>[];
  /** @param bodyChars what the entry weighs */
  add(
    entry: Omit<RecordedRequest<Name>, keyof typeof fresh | "ordinal" | "notes">,
    bodyChars: number,
  ): RecordedRequest<Name>;
  /** Wakes those who wait for a change. */
  touch(): void;
  /** Resolves as soon as the log satisfies the test; rejects when `signal` is aborted before. */
  until(test: (entries: readonly RecordedRequest<Name>[]) => boolean, signal?: AbortSignal): Promise<void>;
  clear(): void;
}

const fresh = {
  status: 0,
  refusal: undefined,
  turn: undefined,
  eventsDelivered: 0,
  finished: false,
  aborted: false,
  endedAtMs: undefined,
} satisfies Partial<RecordedRequest>;

/** Bodies of agents are long: beyond this many characters in all the oldest entries go, however few they are. */
const mostBodyChars = 32_000_000;

export function createRequestLog<Name extends string = CallName>(most: number): RequestLog<Name> {
  const entries: RecordedRequest<Name>[] = [];
  let waiting: (() => void)[] = [];
  const weights: number[] = [];
  let weight = 0;
  let ordinal = 0;

  function touch(): void {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  }

  return {
    entries,
    add(entry, bodyChars) {
      const recorded: RecordedRequest<Name> = { ...fresh, ...entry, ordinal: ++ordinal, notes: [] };
      entries.push(recorded);
      weights.push(bodyChars);
      weight += bodyChars;
      while (entries.length > most || (weight > mostBodyChars && entries.length > 1)) {
        entries.shift();
        weight -= weights.shift() ?? 0;
      }
      touch();
      return recorded;
    },
    touch,
    async until(test, signal) {
      while (!test(entries)) {
        signal?.throwIfAborted();
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          signal?.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    },
    clear() {
      entries.length = 0;
      weights.length = 0;
      weight = 0;
    },
  };
}

/** Headers as an object, for the log. */
export function headersObject(headers: Headers): Record<string, string> {
  const object: Record<string, string> = {};
  headers.forEach((value, name) => {
    object[name] = value;
  });
  return object;
}

/** JSON where it is JSON, else the text. */
export function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A body that is no JSON is shown as it came.
    return text;
  }
}

/** A member of a body that may be anything. */
export function member(body: unknown, key: string): unknown {
  return isJsonObject(body) ? body[key] : undefined;
}
