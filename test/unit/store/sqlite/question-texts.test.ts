// Query plans: no question of a turn walks through a table.

import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { migrate } from "../../../../src/store/migrate.ts";
import { questionTexts } from "../../../../src/store/sqlite/question-texts.ts";

const database = new Database(":memory:", { strict: true });
migrate(database, ":memory:");
afterAll(() => database.close());

function planOf(text: string): string {
  const parameters = Object.fromEntries(Array.from(text.matchAll(/\$(\w+)/g), (match) => [match[1], "0"]));
  const plan = database
    .prepare<{ detail: string }, [Record<string, string>]>(`EXPLAIN QUERY PLAN ${text}`)
    .all(parameters);
  return plan.map((row) => row.detail).join("\n");
}

test.each(Object.entries(questionTexts))("%s uses an index on turns and conversations [R2-037]", (_name, text) => {
  const plan = planOf(text);
  expect(plan).not.toMatch(/SCAN (turns|conversations|newer)/);
});

test("a plan that walks through turns is noticed", () => {
  expect(planOf("SELECT * FROM turns WHERE model = $model")).toMatch(/SCAN turns/);
});

test("findTurn finds the best of equal fingerprints without sorting them [R2-037]", () => {
  expect(planOf(questionTexts.findTurn)).not.toMatch(/TEMP B-TREE/);
});

test("findHintedTurn finds the best of equal fingerprints without sorting them [R2-037]", () => {
  const [byHintAndSystem, byHint, ...bySystem] = questionTexts.findHintedTurn
    .replace(/ORDER BY preference, .*$/, "")
    .split("UNION ALL");
  for (const question of [byHintAndSystem, ...bySystem]) expect(planOf(`${question}`)).not.toMatch(/TEMP B-TREE/);
  expect(planOf(`${byHint}`)).toMatch(/turns_by_hint \(<expr>=\? AND session_hint=\?\)/);
});

test("listSessionIds sorts one span of accesses at a time, from the newest on [R2-037]", () => {
  const plan = planOf(questionTexts.listSessionIds);
  expect(plan).toMatch(/conversations_by_caller \(caller=\? AND accessed_span>\?\)/);
  expect(plan).toMatch(/USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY/);
});

test("findExpired looks at the oldest accesses alone [R2-037]", () => {
  expect(planOf(questionTexts.findExpired)).toMatch(/conversations_by_caller \(caller=\? AND accessed_span<\?\)/);
});

test("findLeftBehind looks at sessions of the gateway's own alone", () => {
  const plan = planOf(questionTexts.findLeftBehind);
  expect(plan).toMatch(/conversations_by_session \(caller=\? AND session_id>\? AND session_id<\?\)/);
});

test.each(["findTurn", "findHintedTurn", "findLooseTurn", "findHead", "findSession", "findSessions"] as const)(
  "%s is not compiled anew for other parameters",
  (name) => {
    expect(questionTexts[name].replace(/SUBSTR\([^)]*\) = SUBSTR\([^)]*\)/g, "")).not.toMatch(
      /[=<>] ?\$(?!leasedAfterMs)/,
    );
  },
);
