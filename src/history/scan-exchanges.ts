// Lists, exports and deletions over however many exchanges: in windows that are soon looked at, with everything else that the
// event loop has to do in between, and no more of them for one page than a bound.

import { othersFirst } from "../contract/others-first.ts";
import { retryWhileBusy } from "../store/busy-retry.ts";
import {
  type ExchangeFilter,
  type HistoryScope,
  type HistoryStore,
  type KeptExchange,
  rowsRemoved,
} from "../store/history-store.ts";

export interface ExchangePage {
  readonly order: "asc" | "desc";
  /** Key of the exchange behind which it begins. @defaultValue at the end that the order begins with */
  readonly afterKey?: number | undefined;
  /** At least 1. */
  readonly limit: number;
}

export interface ListedExchanges {
  readonly exchanges: readonly KeptExchange[];
  /** Where the next page begins: behind the last of these, or where looking further was left off. Undefined: that was all. */
  readonly nextKey: number | undefined;
}

/** Which exchanges are meant. */
export interface AskedExchanges {
  readonly scope: HistoryScope;
  readonly filter: ExchangeFilter;
}

export interface ScanBounds {
  /** Exchanges of one window: a millisecond or two, also of a search among a quarter of a million. @defaultValue 1000 */
  readonly windowRows?: number;
  /** Of one page. @defaultValue 100_000 */
  readonly pageRows?: number;
}

type Scanned = Pick<HistoryStore, "scan">;

const defaultWindowRows = 1000;
const defaultPageRows = 100_000;
/** Of an export, which reads what was said of each one by one. */
const exportedAtOnce = 50;

/**
 * @param signal leaves it off: the page ends there
 * @throws {GatewayError} `overloaded` while somebody else keeps the database locked
 */
export async function listExchanges(
  store: Scanned,
  { scope, filter }: AskedExchanges,
  { order, afterKey, limit }: ExchangePage,
  signal: AbortSignal,
  { windowRows = defaultWindowRows, pageRows = defaultPageRows }: ScanBounds = {},
): Promise<ListedExchanges> {
  const found: KeptExchange[] = [];
  let key = afterKey;
  for (let left = pageRows; ; left -= windowRows) {
    const rows = Math.min(windowRows, left);
    // One more tells whether there is another page.
    const window = { order, afterKey: key, limit: limit + 1 - found.length, rows };
    const { exchanges, nextKey } = await retryWhileBusy(() => store.scan(scope, filter, window));
    found.push(...exchanges);
    if (found.length > limit) return { exchanges: found.slice(0, limit), nextKey: found[limit - 1]?.exchangeKey };
    if (nextKey === undefined || left <= windowRows) return { exchanges: found, nextKey };
    await othersFirst();
    if (signal.aborted) return { exchanges: found, nextKey };
    key = nextKey;
  }
}

/** All that fit, the oldest first. What ends meanwhile comes too, what is deleted meanwhile does not. @throws the reason of the signal */
export async function* eachExchange(
  store: Scanned,
  asked: AskedExchanges,
  signal: AbortSignal,
  bounds: ScanBounds = {},
): AsyncGenerator<KeptExchange> {
  let afterKey: number | undefined;
  do {
    const page = { order: "asc", limit: exportedAtOnce, afterKey } as const;
    const { exchanges, nextKey } = await listExchanges(store, asked, page, signal, bounds);
    for (const exchange of exchanges) {
      signal.throwIfAborted();
      yield exchange;
    }
    afterKey = nextKey;
    await othersFirst();
    signal.throwIfAborted();
  } while (afterKey !== undefined);
}

/** @returns how many fitted. @throws the reason of the signal: what has gone until then is gone */
export async function removeExchanges(
  store: Scanned & Pick<HistoryStore, "removeKeys">,
  { scope, filter }: AskedExchanges,
  signal: AbortSignal,
  { windowRows = defaultWindowRows }: ScanBounds = {},
): Promise<number> {
  let removed = 0;
  let afterKey: number | undefined;
  do {
    const window = { order: "asc", afterKey, limit: rowsRemoved, rows: windowRows } as const;
    const { exchanges, nextKey } = await retryWhileBusy(() => store.scan(scope, filter, window));
    const keys = exchanges.map(({ exchangeKey }) => exchangeKey);
    if (keys.length > 0) await retryWhileBusy(() => store.removeKeys(keys));
    removed += keys.length;
    afterKey = nextKey;
    await othersFirst();
    signal.throwIfAborted();
  } while (afterKey !== undefined);
  return removed;
}
