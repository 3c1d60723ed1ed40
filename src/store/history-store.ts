// What the room history/ asks of a database: exchanges that have ended, found by what is known of them or by their words,
// and given up from the oldest on. No table leaks out.

import type { HistoryBudget } from "./history-budget.ts";
import type { SearchTerm } from "./document-store.ts";

/** `refused`: it never became a reply. `aborted`: its client hung up. */
export const exchangeOutcomes = ["complete", "failed", "aborted", "refused"] as const;
export type ExchangeOutcome = (typeof exchangeOutcomes)[number];

/** An exchange without what was said in it. */
export interface ExchangeFacts {
  readonly exchangeId: string;
  readonly requestId: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly surface: string;
  /** As the client named it. Null: the request could not be read. */
  readonly model: string | null;
  readonly upstream: string | null;
  readonly account: string | null;
  readonly sessionId: string | null;
  /** Of HTTP, as its surface tells it; 499: the client hung up. */
  readonly status: number;
  readonly outcome: ExchangeOutcome;
  readonly errorKind: string | null;
  readonly stream: boolean;
  readonly attempts: number;
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly isEstimated: boolean;
  readonly sentBytes: number;
}

/** JSON texts. */
export interface StoredContent {
  readonly request: string;
  readonly reply: string;
}

/** Of the words of one exchange; what is beyond is not found. */
export const mostWordPieces = 256;

/** In the file: UTF-8. */
export function contentBytes({ request, reply }: StoredContent): number {
  return Buffer.byteLength(request) + Buffer.byteLength(reply);
}

export interface NewExchange extends ExchangeFacts {
  readonly caller: string;
  readonly content?: (StoredContent & { readonly words: readonly string[] }) | undefined;
}

/** `none`: not to be kept. `dropped`: it made room for newer ones. */
export type ContentState = "none" | "kept" | "dropped";

export interface KeptExchange extends ExchangeFacts {
  readonly caller: string;
  /** Its place in the order in which they ended. */
  readonly exchangeKey: number;
  readonly contentState: ContentState;
}

export interface WholeExchange extends KeptExchange {
  readonly content: StoredContent | undefined;
}

/** All that is given must hold. */
export interface ExchangeFilter {
  readonly sessionId?: string | undefined;
  readonly surface?: string | undefined;
  readonly model?: string | undefined;
  readonly upstream?: string | undefined;
  readonly status?: number | undefined;
  readonly outcome?: ExchangeOutcome | undefined;
  /** When it began, the first moment included, the last one not. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Each must stand in it. */
  readonly terms?: readonly SearchTerm[] | undefined;
}

/** Whose exchanges. Undefined: everybody's. */
export type HistoryScope = string | undefined;

/** A part of a list that is soon looked at. */
export interface ScanWindow {
  readonly order: "asc" | "desc";
  /** Key of the exchange behind which it begins, which may be gone. @defaultValue at the end that the order begins with */
  readonly afterKey?: number | undefined;
  /** Most that are found. At least 1. */
  readonly limit: number;
  /** Most that are looked at. At least 1. */
  readonly rows: number;
}

export interface ScannedWindow {
  readonly exchanges: readonly KeptExchange[];
  /** Behind it the next window begins. Undefined: there is nothing more. */
  readonly nextKey: number | undefined;
}

/** Of exchanges that one transaction forgets. */
export const rowsRemoved = 64;

/** Synchronous: each call is short, a transaction or few. @throws {SQLiteError} such as SQLITE_BUSY, SQLITE_FULL, SQLITE_READONLY */
export interface HistoryStore {
  /** Of the words only the first piece of each, so that it is soon done. @returns the key of each */
  insert(exchanges: readonly NewExchange[]): readonly number[];
  /** Another piece of its words, unless it is gone meanwhile. */
  addWords(exchangeKey: number, caller: string, piece: number, words: string): void;
  /** Whether so much more fits, in bytes of content, for so many exchanges. */
  hasRoom(contentBytes: number, exchanges: number): boolean;
  /** Gives up some of the oldest: their content, where there is any, else all of them. @returns how many */
  dropOldest(): { readonly contents: number; readonly exchanges: number };
  /** Forgets some that ended before. @returns how many */
  dropExpired(endedBeforeMs: number): number;
  /** One step of tidying up what was deleted. @returns whether there may be more to do */
  mergeSome(): boolean;
  /** The same until no word of what was deleted is left in the index; reads all of it in the end. */
  mergeAll(): boolean;
  shrinkSome(): boolean;
  /** Moves the log into the file and empties it. */
  checkpoint(): void;
  /** Another one from now on. A smaller one holds when what is too much has been dropped. */
  setBudget(budget: HistoryBudget): void;
  /** On the disk: the database, its log and the index of that. */
  fileBytes(): number;

  /** Looks through a part of the list. Never more, whatever the filter: a long one would hold up all streams. */
  scan(scope: HistoryScope, filter: ExchangeFilter, window: ScanWindow): ScannedWindow;
  find(scope: HistoryScope, exchangeId: string): WholeExchange | undefined;
  keyOf(scope: HistoryScope, exchangeId: string): number | undefined;
  idOf(exchangeKey: number): string | undefined;
  remove(scope: HistoryScope, exchangeId: string): boolean;
  /** @param exchangeKeys at most `rowsRemoved`; those that are gone do no harm */
  removeKeys(exchangeKeys: readonly number[]): void;
  close(): void;
}
