// Whatever a settings file holds: entries that are merged into it and taken out again leave it as it was, also when others
// have written beside them; and comments survive.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Entry } from "../../src/cli/connect/agent.ts";
import { formats } from "../../src/cli/connect/formats.ts";
import { aider } from "../../src/cli/connect/agents/aider.ts";
import { codex } from "../../src/cli/connect/agents/codex.ts";
import { continueAgent } from "../../src/cli/connect/agents/continue.ts";
import { type Merged, mergeEntries, takeOutEntries, UnfitTextError } from "../../src/cli/connect/merge.ts";
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

/** Settings as most people have them in TOML and YAML: plain keys, tables, lists, with comments between. */
const name = fc.constantFrom("a", "b", "c-d", "model", "weak-model", "models", "model_providers");
const plain = fc.oneof(fc.string({ maxLength: 6 }), fc.integer({ min: -1000, max: 1000 }), fc.boolean());
const table = fc.dictionary(name, plain, { minKeys: 1, maxKeys: 3 });
const settings = fc.dictionary(name, fc.oneof(plain, table), { maxKeys: 5 });
const comments = fc.infiniteStream(fc.constantFrom("", "", "# one\n", "\n# one\n\n", "\n"));

function writeToml(content: Readonly<Record<string, unknown>>, next: () => string): string {
  const line = ([key, item]: [string, unknown]): string => `${next()}${key} = ${JSON.stringify(item)}\n`;
  const isTable = (item: unknown): item is object => typeof item === "object";
  const top = Object.entries(content).filter(([, item]) => !isTable(item));
  const tables = Object.entries(content).filter(([, item]) => isTable(item));
  const written = tables.map(
    ([key, item]) =>
      `${next()}[${key}]\n${Object.entries(item as object)
        .map(line)
        .join("")}`,
  );
  return top.map(line).join("") + written.join("") + next();
}

function writeYaml(content: Readonly<Record<string, unknown>>, next: () => string): string {
  const line = ([key, item]: [string, unknown], indent = ""): string =>
    typeof item === "object" && item !== null
      ? `${next()}${indent}${key}:\n${Object.entries(item)
          .map((pair) => line(pair, "  "))
          .join("")}`
      : `${next()}${indent}${key}: ${JSON.stringify(item)}\n`;
  return (
    Object.entries(content)
      .map((pair) => line(pair))
      .join("") + next()
  );
}

const target = {
  url: "http://a",
  key: "k",
  isKeyReal: true,
  model: "m",
  smallModel: "s",
  fastModel: "f",
  contextTokens: 1,
};

function merge(before: string, wanted: readonly Entry[]) {
  try {
    return mergeEntries(formats.json, before, wanted);
  } catch (error) {
    // A value stands where an object would have to be, or the other way round: refused, which is a rule of its own.
    if (error instanceof UnfitTextError && /is no object$|holds more than one value$/.test(error.message))
      return undefined;
    throw error;
  }
}

function commentsOf(source: string): number {
  return source.match(/\/\/ one|\/\* two \*\//g)?.length ?? 0;
}

describe("mergeEntries", () => {
  test.each([
    [codex, writeToml],
    [aider, writeYaml],
    [continueAgent, writeYaml],
  ] as const)("refuses settings of an agent, or keeps all comments and comes out again", (agent, write) => {
    const format = formats[agent.format];
    const counts = { merged: 0, refused: 0 };
    fc.assert(
      fc.property(settings, comments, (content, stream) => {
        const before = write(content, () => stream.next().value ?? "");
        let merged: Merged;
        try {
          merged = mergeEntries(format, before, agent.entries(target));
          counts.merged++;
        } catch (error) {
          expect(error).toBeInstanceOf(UnfitTextError);
          counts.refused++;
          return;
        }

        const { text: after } = takeOutEntries(format, merged.text, merged.changes);

        expect(merged.text.match(/# one/g)).toEqual(before.match(/# one/g));
        expect(after.match(/# one/g)).toEqual(before.match(/# one/g));
        expect(format.read(after)).toEqual(format.read(before));
      }),
      runsOf(`connect, ${agent.name}`, 300),
    );
    expect(counts.merged).toBeGreaterThan(counts.refused);
  });

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
