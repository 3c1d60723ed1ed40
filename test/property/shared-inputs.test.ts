// Responses whose inputs begin as those of others, in any tree, deleted in any order: what is left is read as it was given.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonObject } from "../../src/contract/json.ts";
import { openChatDatabase } from "../../src/store/chat-database.ts";
import { inMemory } from "../../src/store/open-database.ts";
import { createSqliteResponses } from "../../src/store/sqlite/responses.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { newResponse } from "../support/new-response.ts";
import { patienceMs, runsOf } from "./runs.ts";

/** One is added that shares items of another one, which may be gone, or one is deleted. Numbers are taken modulo what there is. */
const step = fc.record({
  isDeleted: fc.boolean(),
  which: fc.option(fc.nat(30)),
  count: fc.nat(8),
  said: fc.array(fc.constantFrom("a", 'ä "x" 🗓', ""), { maxLength: 3 }),
});

test(
  "inputs are read as they were given, whatever is deleted beside them",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        using database = openChatDatabase(inMemory, silentLog);
        const store = createSqliteResponses(database, { clock: () => 0, sessionTimeoutMs: 1000 });
        /** In the order in which they were made, those that were deleted too. */
        const made: { readonly id: string; readonly input: readonly JsonObject[] }[] = [];
        const left = new Set<string>();
        for (const [index, { isDeleted, which, count, said }] of steps.entries()) {
          const other = which === null ? undefined : made[which % made.length];
          if (isDeleted && other !== undefined) {
            expect(await store.forget("anna", other.id)).toBe(left.delete(other.id));
          } else {
            const shared = other?.input.slice(0, count) ?? [];
            const input = [...shared, ...said.map((text, at) => ({ text, index, at }))];
            const id = `r${index}`;
            const beginning = other && shared.length > 0 ? { id: other.id, count: shared.length } : undefined;
            await store.remember("anna", newResponse({ id, previousId: null, response: {}, input }, beginning));
            made.push({ id, input });
            left.add(id);
          }
          for (const { id, input } of made) {
            expect((await store.find("anna", id))?.input).toEqual(left.has(id) ? input : undefined);
          }
        }
        for (const id of left) await store.forget("anna", id);
        for (const table of ["responses", "response_shares", "response_threads"]) {
          expect(database.query(`SELECT count(*) AS n FROM ${table}`).get()).toEqual({ n: 0 });
        }
      }),
      runsOf("shared inputs", 200),
    );
  },
  patienceMs,
);
