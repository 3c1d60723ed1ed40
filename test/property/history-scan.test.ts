// Whatever is asked of the history: what is found in windows is what stands in it, in order, whole and once, however small the
// windows are and wherever pages are left off. So is what is deleted.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { eachExchange, listExchanges, removeExchanges, type ScanBounds } from "../../src/history/scan-exchanges.ts";
import { searchTerms } from "../../src/history/search-words.ts";
import {
  type ExchangeFilter,
  type HistoryStore,
  type KeptExchange,
  rowsRemoved,
} from "../../src/store/history-store.ts";
import { contentOf, createHistoryStage, type HistoryStage } from "../support/history-stage.ts";
import { patienceMs, runsOf } from "./runs.ts";

const words = ["apple", "pear", "plum", "天气"] as const;
const outcomes = ["complete", "failed"] as const;

const exchange = fc.record({
  caller: fc.constantFrom("me", "me", "you", "she"),
  sessionId: fc.constantFrom("s1", "s2", null),
  model: fc.constantFrom("m1", "m2"),
  surface: fc.constantFrom("openai-chat", "agent"),
  upstream: fc.constantFrom("u1", "u2"),
  status: fc.constantFrom(200, 502),
  outcome: fc.constantFrom(...outcomes),
  totalMs: fc.nat(5),
  said: fc.option(fc.subarray([...words]), { nil: undefined }),
});
type Sample = typeof exchange extends fc.Arbitrary<infer Value> ? Value : never;

const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const question = fc.record({
  scope: fc.constantFrom("me", "you", "nobody", undefined),
  sessionId: maybe(fc.constantFrom("s1", "s2", "s3")),
  model: maybe(fc.constantFrom("m1", "m3")),
  surface: maybe(fc.constantFrom("agent")),
  upstream: maybe(fc.constantFrom("u1")),
  status: maybe(fc.constantFrom(502, 404)),
  outcome: maybe(fc.constantFrom(...outcomes)),
  since: maybe(fc.nat(60)),
  until: maybe(fc.nat(60)),
  sought: maybe(fc.subarray([...words], { minLength: 1 })),
  order: fc.constantFrom("asc" as const, "desc" as const),
  limit: fc.integer({ min: 1, max: 12 }),
  windowRows: fc.integer({ min: 1, max: 9 }),
  pageRows: fc.constantFrom(1, 2, 7, 1000),
});
type Question = typeof question extends fc.Arbitrary<infer Value> ? Value : never;

const startMs = 1_700_000_000_000;
const never = new AbortController().signal;

/** One that is kept, in the words of the test. */
interface Kept {
  readonly id: string;
  readonly endedAtMs: number;
  readonly sample: Sample;
}

/** What no window is needed for. */
function fits({ sample, endedAtMs }: Kept, asked: Question): boolean {
  const startedMs = endedAtMs - sample.totalMs;
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, sought = [] } = asked;
  return (
    (asked.scope ?? sample.caller) === sample.caller &&
    (["sessionId", "model", "surface", "upstream", "status", "outcome"] as const).every(
      (name) => asked[name] === undefined || asked[name] === sample[name],
    ) &&
    startedMs >= startMs + since &&
    startedMs < startMs + until &&
    sought.every((word) => sample.said?.includes(word) === true)
  );
}

function filterOf(asked: Question, stage: HistoryStage): ExchangeFilter {
  const { sessionId, model, surface, upstream, status, outcome, since, until, sought } = asked;
  return {
    sessionId,
    model,
    surface,
    upstream,
    status,
    outcome,
    sinceMs: since === undefined ? undefined : startMs + since,
    untilMs: until === undefined ? undefined : startMs + until,
    terms: sought === undefined ? undefined : searchTerms(sought.join(" "), stage.opened().reader),
  };
}

async function write(stage: HistoryStage, samples: readonly Sample[]): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const [index, { said, ...sample }] of samples.entries()) {
    stage.nowMs = startMs + index;
    const content = said === undefined ? {} : { content: contentOf(said.join(" "), "ok") };
    stage.add({ requestId: String(index), ...sample, ...content });
    kept.push({ id: String(index), endedAtMs: stage.nowMs, sample: { ...sample, said } });
  }
  await stage.history.flush();
  return kept;
}

/** A store that takes note of how much each call may look at. */
function watched(store: HistoryStore, most: { rows: number }): HistoryStore {
  return {
    ...store,
    scan(scope, filter, window) {
      most.rows = Math.max(most.rows, window.rows);
      return store.scan(scope, filter, window);
    },
  };
}

const idsOf = (exchanges: readonly KeptExchange[]) => exchanges.map(({ requestId }) => requestId);

async function listAll(store: HistoryStore, filter: ExchangeFilter, asked: Question): Promise<string[]> {
  const found: string[] = [];
  const { scope, order, limit, windowRows, pageRows } = asked;
  let afterKey: number | undefined;
  // Each page goes on by a row at least.
  for (let pages = 0; pages < 500; pages++) {
    const page = await listExchanges(store, { scope, filter }, { order, limit, afterKey }, never, {
      windowRows,
      pageRows,
    });
    expect(page.exchanges.length).toBeLessThanOrEqual(limit);
    found.push(...idsOf(page.exchanges));
    if (page.nextKey === undefined) return found;
    // A page that says that there is more and could not look further goes on behind what it has looked at.
    if (afterKey !== undefined) expect(order === "asc" ? page.nextKey > afterKey : page.nextKey < afterKey).toBe(true);
    afterKey = page.nextKey;
  }
  throw new Error("The list has no end");
}

test(
  "windows find what one look over all of it finds, page by page, and delete no other",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(exchange, { maxLength: 60 }),
        fc.array(fc.nat(59), { maxLength: 15 }),
        fc.array(question, { minLength: 1, maxLength: 6 }),
        async (samples, gaps, questions) => {
          await using stage = createHistoryStage();
          await stage.open();
          const written = await write(stage, samples);
          const { store } = stage.opened();
          // Keys that are gone, also where windows would begin.
          const idOf = new Map(store.scan(undefined, {}, all).exchanges.map((one) => [one.requestId, one.exchangeId]));
          for (const gap of gaps) store.remove(undefined, idOf.get(String(gap)) ?? "");
          const kept = written.filter(({ id }) => !gaps.includes(Number(id)));

          for (const asked of questions) {
            const filter = filterOf(asked, stage);
            const expected = kept.filter((one) => fits(one, asked)).map(({ id }) => id);
            const ordered = asked.order === "asc" ? expected : expected.toReversed();
            const most = { rows: 0 };
            expect(await listAll(watched(store, most), filter, asked)).toEqual(ordered);
            expect(most.rows).toBeLessThanOrEqual(asked.windowRows);
            expect(idsOf(store.scan(asked.scope, filter, { ...all, order: asked.order }).exchanges)).toEqual(ordered);
            const bounds: ScanBounds = asked;
            const exported: KeptExchange[] = [];
            for await (const one of eachExchange(store, { scope: asked.scope, filter }, never, bounds))
              exported.push(one);
            expect(idsOf(exported)).toEqual(expected);
          }

          const [asked] = questions;
          const filter = filterOf(asked!, stage);
          const gone = kept.filter((one) => fits(one, asked!));
          expect(await removeExchanges(store, { scope: asked!.scope, filter }, never, asked)).toBe(gone.length);
          const left = kept.filter((one) => !gone.includes(one)).map(({ id }) => id);
          expect(idsOf(store.scan(undefined, {}, all).exchanges)).toEqual(left);
        },
      ),
      runsOf("history in windows", 60),
    );
  },
  patienceMs,
);

const all = { order: "asc", limit: 1_000_000, rows: 1_000_000 } as const;

test("a deletion of more than one transaction takes lets others have their turn, and what comes meanwhile as well", async () => {
  await using stage = createHistoryStage({ maxBytes: 64 * 1024 * 1024 });
  for (let count = 0; count < 3 * rowsRemoved; count++) stage.add({ requestId: String(count), model: "m" });
  await stage.history.flush();
  const { store } = stage.opened();
  let transactions = 0;
  const counting: HistoryStore = {
    ...store,
    removeKeys(keys) {
      transactions++;
      expect(keys.length).toBeLessThanOrEqual(rowsRemoved);
      store.removeKeys(keys);
    },
  };

  expect(await removeExchanges(counting, { scope: "me", filter: { model: "m" } }, never)).toBe(3 * rowsRemoved);

  expect(transactions).toBe(3);
  expect(stage.find()).toEqual([]);
});
