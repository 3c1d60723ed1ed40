// Whatever a settings file holds: entries that are merged into it and taken out again leave it as it was, also when others
// have written beside them; and comments survive.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Entry } from "../../src/cli/connect/agent.ts";
import { formats } from "../../src/cli/connect/formats.ts";
import { mergeEntries, takeOutEntries, UnfitTextError } from "../../src/cli/connect/merge.ts";
import type { Json } from "../../src/contract/json.ts";
import { patienceMs, runsOf } from "./runs.ts";

const key = fc.constantFrom("env", "model", "a", "b.c", 'q"uote', "ключ");
const scalar = fc.oneof(fc.string({ maxLength: 6 }), fc.integer(), fc.boolean(), fc.constant(null));
const { value } = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.array(scalar, { maxLength: 3 }), tie("object")),
  object: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
}));
const object = fc.dictionary(key, value, { maxKeys: 4 });

/** One of the gaps that JSON with comments allows between any two signs. */
const gap = fc.constantFrom("", " ", "\n", "\r\n", "\t", "\n// one\n", " /* two */ ", "\n  ");
const gaps = fc.infiniteStream(gap);
const isTrailing = fc.infiniteStream(fc.boolean());

/** The value as somebody may have written it. */
function write(json: Json, next: () => string, comma: () => string): string {
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  const items = Array.isArray(json)
    ? json.map((item: Json) => `${next()}${write(item, next, comma)}${next()}`)
    : Object.entries(json).map(
        ([name, item]) => `${next()}${JSON.stringify(name)}${next()}:${next()}${write(item, next, comma)}${next()}`,
      );
  const end = items.length === 0 ? next() : comma();
  return Array.isArray(json) ? `[${items.join(",")}${end}]` : `{${items.join(",")}${end}}`;
}

const text = fc.tuple(object, gaps, isTrailing).map(([json, spaces, commas]) => {
  const next = (): string => spaces.next().value ?? "";
  return next() + write(json, next, () => (commas.next().value ? "," : "")) + next();
});
const entry = fc.record({ path: fc.array(key, { minLength: 1, maxLength: 3 }), value }) satisfies fc.Arbitrary<Entry>;
const entries = fc.array(entry, { maxLength: 4 });

function merge(before: string, wanted: readonly Entry[]) {
  try {
    return mergeEntries(formats.json, before, wanted);
  } catch (error) {
    // A value stands where an object would have to be: refused, which is a rule of its own.
    if (error instanceof UnfitTextError && error.message.endsWith("is no object")) return undefined;
    throw error;
  }
}

function commentsOf(source: string): number {
  return source.match(/\/\/ one|\/\* two \*\//g)?.length ?? 0;
}

describe("mergeEntries", () => {
  test(
    "takes entries into any JSON with comments, and takeOutEntries leaves what was there",
    () => {
      fc.assert(
        fc.property(text, entries, (before, wanted) => {
          const merged = merge(before, wanted);
          fc.pre(merged !== undefined);

          const { text: after, kept } = takeOutEntries(formats.json, merged!.text, merged!.changes);

          expect(kept).toEqual([]);
          expect(formats.json.read(after)).toEqual(formats.json.read(before));
        }),
        runsOf("connect, in and out", 500),
      );
    },
    patienceMs,
  );

  test(
    "loses no comment outside of values that it replaces",
    () => {
      fc.assert(
        fc.property(text, value, (before, added) => {
          const { text: after } = mergeEntries(formats.json, before, [{ path: ["new"], value: added }]);

          expect(commentsOf(after)).toBe(commentsOf(before));
        }),
        runsOf("connect, comments", 500),
      );
    },
    patienceMs,
  );

  test(
    "taken out again, leaves what somebody has added meanwhile",
    () => {
      fc.assert(
        fc.property(text, entries, value, (before, wanted, theirs) => {
          const merged = merge(before, wanted);
          fc.pre(merged !== undefined);
          const edited = formats.json.set(merged!.text, ["theirs"], theirs);

          const { text: after } = takeOutEntries(formats.json, edited, merged!.changes);

          expect(formats.json.read(after)).toEqual({ ...Object(formats.json.read(before)), theirs });
        }),
        runsOf("connect, beside", 500),
      );
    },
    patienceMs,
  );
});
