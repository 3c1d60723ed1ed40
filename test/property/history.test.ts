// Whatever is written, deleted and expires in whatever order: the file on the disk never exceeds its budget, and what is
// listed is what was written last, in order.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { removeExchanges } from "../../src/history/scan-exchanges.ts";
import { scrub } from "../../src/history/write-group.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { contentOf, createHistoryStage, smallestBudget } from "../support/history-stage.ts";
import { patienceMs, runsOf } from "./runs.ts";

const letters = "abcdefghijklmnopqrstuvwxyz天气很好今下雨北京";

/** Words that do not repeat much, so that the index grows as it does at worst. */
function wordsOf(seed: number, chars: number): string {
  let state = seed + 1;
  let text = "";
  while (text.length < chars) {
    state = (state * 48_271) % 2_147_483_647;
    text += letters[state % letters.length]! + (state % 7 === 0 ? " " : "");
  }
  return text.slice(0, chars);
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("add"),
      count: fc.integer({ min: 1, max: 60 }),
      chars: fc.constantFrom(0, 10, 500, 8000, 20_000),
      seed: fc.nat(1_000_000),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "flush" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove"), model: fc.constantFrom("m0", "m1") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass"), ms: fc.constantFrom(1000, 3_000_000) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "sweep" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** It once broke the budget: one step of merging wrote over the whole index, when all of its contents had expired. */
const allOfAnIndexGone: Step[] = [
  { kind: "add", count: 34, chars: 20_000, seed: 0 },
  { kind: "pass", ms: 3_000_000 },
  { kind: "pass", ms: 3_000_000 },
  { kind: "reopen" },
  { kind: "flush" },
  { kind: "add", count: 1, chars: 0, seed: 0 },
];

test(
  "the budget of the history holds over whatever is written and deleted",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await using stage = createHistoryStage();
        let added = 0;
        // By another clock than the writer's: also in the middle of its work.
        let most = 0;
        const look = setInterval(() => {
          most = Math.max(most, stage.diskBytes());
        }, 0);
        try {
          for (const one of steps) {
            if (one.kind === "add") {
              for (let count = 0; count < one.count; count++) {
                const content = contentOf(`n${added}`, wordsOf(one.seed + count, one.chars));
                const kept = one.chars === 0 ? {} : { content };
                stage.add({ requestId: String(added++), model: `m${count % 2}`, ...kept });
              }
            } else if (one.kind === "pass") stage.nowMs += one.ms;
            else if (one.kind === "sweep") await stage.history.sweep();
            else if (one.kind === "reopen") await stage.reopen(smallestBudget);
            else {
              await stage.history.flush();
              const { store } = await stage.open();
              if (one.kind === "remove") {
                await removeExchanges(
                  store,
                  { scope: "me", filter: { model: one.model } },
                  new AbortController().signal,
                );
                await scrub(store, 60_000, silentLog);
              }
            }
            most = Math.max(most, stage.diskBytes());
            expect(most).toBeLessThanOrEqual(smallestBudget);
          }
          await stage.history.flush();
        } finally {
          clearInterval(look);
        }
        await stage.open();
        expect(Math.max(most, stage.diskBytes())).toBeLessThanOrEqual(smallestBudget);
        const numbers = stage.find().map(({ requestId }) => Number(requestId));
        expect(numbers).toEqual(numbers.toSorted((one, other) => other - one));
        // Of what was dropped no content is left behind what was kept.
        const states = stage.find().filter(({ contentState }) => contentState !== "none");
        expect(states.map(({ contentState }) => contentState).join(",")).toMatch(/^(kept,?)*(dropped,?)*$/);
      }),
      { ...runsOf("history", 12), examples: [[allOfAnIndexGone]] },
    );
  },
  patienceMs,
);
