// What the gateway tells the history of an exchange that has ended, and what it asks about its caller before it begins.

import type { ExchangeFacts } from "../store/history-store.ts";

/** What is kept of a caller's exchanges: nothing, when and how they went, or also what was said. */
export type KeptParts = "off" | "metadata" | "content";

/** What is kept of whom. Undefined: the caller has no choice of his own, and the setting holds. */
export type KeptOf = (caller: string) => KeptParts | undefined;

/** The caller's own choice where there is one, else the setting. */
export function keptPartsOf(caller: string, setting: KeptParts, keptOf: KeptOf | undefined): KeptParts {
  return keptOf?.(caller) ?? setting;
}

export interface EndedExchange extends Omit<ExchangeFacts, "exchangeId" | "endedAtMs" | "startedAtMs"> {
  readonly caller: string;
  /** Absent: what was said is not kept. */
  readonly content?: EndedContent | undefined;
}

/** What was said, in JSON, cut to what is kept of it. */
export interface EndedContent {
  readonly request: string;
  readonly reply: string;
}

/** What an exchange needs of the history. */
export interface HistoryRecorder {
  keptOf(caller: string): KeptParts;
  /** Of a request, and of a reply, each, in bytes of their JSON. */
  readonly maxContentBytes: number;
  /** Takes an exchange and returns at once; what comes of it is its own business. Never throws. */
  add(exchange: EndedExchange): void;
}
