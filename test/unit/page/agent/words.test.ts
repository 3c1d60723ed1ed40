// What the agent's tab makes of texts: arguments that are edited, commands that are counted, times, advice, addresses.

import { describe, expect, test } from "bun:test";
import { adviceFor } from "../../../../src/page/agent/advice.ts";
import { accessAfter } from "../../../../src/page/agent/access-after.ts";
import {
  draftOf,
  explainFields,
  isChanged,
  readArguments,
  writeJson,
} from "../../../../src/page/agent/arguments-text.ts";
import { askedFields, readFields } from "../../../../src/page/agent/asked-fields.ts";
import { roomLeft } from "../../../../src/page/agent/query.ts";
import { nextLook, shortTime, timeLeft } from "../../../../src/page/agent/times.ts";
import { chatHash, parsePlace } from "../../../../src/page/place.ts";
import { createIdentifyActingCaller } from "../../../../src/server/auth/acting-caller.ts";

describe("arguments", () => {
  test("are objects of JSON, and nothing else", () => {
    expect(readArguments('{ "a": [1] }')).toEqual({ value: { a: [1] } });
    for (const text of ["", "{", "{'a': 1}"]) {
      expect(readArguments(text)).toEqual({ problem: expect.stringContaining("This is no JSON yet: ") });
    }
    for (const text of ["[]", "null", "1", '"a"']) {
      expect(readArguments(text)).toEqual({ problem: expect.stringContaining("Arguments are a JSON object") });
    }
  });

  test("have changed when they say something else, not when they are written otherwise", () => {
    const value = { a: 1, b: "x" };

    expect(isChanged(writeJson(value), value)).toBe(false);
    expect(isChanged('{"a":1,\n"b":"x"}', value)).toBe(false);
    expect(isChanged('{"a":2,"b":"x"}', value)).toBe(true);
    expect(isChanged("{", value)).toBe(true);
  });

  test("are drafted from a schema: what is required, or all where nothing is", () => {
    const properties = {
      name: { type: "string" },
      seats: { type: "integer", minimum: 2 },
      day: { enum: ["Monday", "Sunday"] },
      outside: { type: "boolean" },
      note: { type: "string", default: "None" },
    };

    expect(draftOf({ properties, required: ["name"] })).toEqual({ name: "" });
    expect(draftOf({ properties })).toEqual({ name: "", seats: 2, day: "Monday", outside: false, note: "None" });
    expect(draftOf(undefined)).toEqual({});
  });

  test("are explained by their schema", () => {
    const properties = { name: { description: "Who", type: "string" }, day: { title: "Day", enum: ["Mon", "Sun"] } };

    expect(explainFields({ properties, required: ["name"] })).toEqual([
      { name: "name", meaning: "Who, string" },
      { name: "day", meaning: 'Day, one of "Mon", "Sun", optional' },
    ]);
  });

  test("writeJson leaves texts as they are", () => {
    expect(writeJson("a\nb")).toBe("a\nb");
    expect(writeJson({ a: 1 })).toBe('{\n  "a": 1\n}');
    expect(writeJson(undefined)).toBe("");
  });
});

describe("askedFields", () => {
  const schema = {
    properties: {
      name: { type: "string", title: "Name", description: "Yours" },
      mail: { type: "string", format: "email" },
      seats: { type: "integer", default: 2 },
      day: { type: "string", enum: ["1", "2"], enumNames: ["Monday", "Tuesday"] },
      way: { type: "string", oneOf: [{ const: "a", title: "Train" }, { const: "b" }] },
      isNew: { type: "boolean", default: true },
    },
    required: ["name"],
  };

  test("are one for each property of a flat schema", () => {
    const fields = askedFields(schema) ?? [];

    expect(fields.map(({ label, kind }) => [label, kind])).toEqual([
      ["Name", "text"],
      ["mail", "email"],
      ["seats", "number"],
      ["day", "select"],
      ["way", "select"],
      ["isNew", "checkbox"],
    ]);
    expect(fields.map(({ initial }) => initial)).toEqual(["", "", "2", "", "", "true"]);
    expect(fields.flatMap(({ choices }) => choices)).toEqual([
      ["1", "Monday"],
      ["2", "Tuesday"],
      ["a", "Train"],
      ["b", "b"],
    ]);
    expect(fields.filter(({ isRequired }) => isRequired).map(({ name }) => name)).toEqual(["name"]);
  });

  test("are none where a form has no field for one of them, or nothing is asked for", () => {
    expect(askedFields({ properties: { name: { type: "string" }, days: { type: "array" } } })).toBeUndefined();
    expect(askedFields({})).toBeUndefined();
  });

  test("are read as the schema has them, without what was left empty", () => {
    const written: Record<string, string> = { name: "Mira", mail: "", seats: "4", day: "1" };

    expect(readFields(askedFields(schema) ?? [], (name) => written[name])).toEqual({
      name: "Mira",
      seats: 4,
      day: "1",
      isNew: false,
    });
  });
});

test("roomLeft counts as people do, and only near the limit", () => {
  expect(roomLeft("Do it")).toBeUndefined();
  expect(roomLeft("a".repeat(490))).toBe(10);
  expect(roomLeft("👩‍👩‍👧".repeat(490))).toBe(10);
  expect(roomLeft(`${"a".repeat(501)}   `)).toBe(-1);
});

test("times are short", () => {
  expect([0, 99.6, 1240, 9949, 75_000].map(shortTime)).toEqual(["0 ms", "100 ms", "1.2 s", "9.9 s", "75 s"]);
  expect([3 * 86_400_000, 3_600_000, 120_000, 59_000].map((ms) => timeLeft(ms, 0))).toEqual([
    "in 3 days",
    "in 1 hour",
    "in 2 minutes",
    "in less than a minute",
  ]);
  expect(timeLeft(5, 5)).toBeUndefined();
  expect([1000, 3_600_000, -5].map((ms) => nextLook(ms, 0))).toEqual([1000, 60_000, 250]);
});

test("adviceFor has a word for every failure", () => {
  expect(adviceFor("step_limit")).toContain("Divide");
  expect(adviceFor("something new")).toContain("Try again");
});

describe("accessAfter", () => {
  function refusalOf(agent: "off" | (() => string), headers: Record<string, string> = {}): string {
    try {
      createIdentifyActingCaller(agent, { hostname: "127.0.0.1", insecure: false, allowedHosts: [], apiKeys: [] })(
        new Headers(headers),
      );
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  }

  test("knows the gateway's refusals by what they say", () => {
    expect(accessAfter(refusalOf("off"), false)).toBe("off");
    expect(accessAfter(refusalOf("off"), true)).toBe("off");
    expect(
      accessAfter(
        refusalOf(() => "t"),
        false,
      ),
    ).toBe("wanted");
    expect(
      accessAfter(
        refusalOf(() => "t", { authorization: "Bearer x" }),
        true,
      ),
    ).toBe("refused");
  });
});

test("places are read from the address and written to it", () => {
  expect(parsePlace("#/agent")).toEqual({ tab: "agent" });
  expect(parsePlace("")).toEqual({ tab: "chat", sessionId: undefined });
  expect(parsePlace("#%E0%A4%A")).toEqual({ tab: "chat", sessionId: undefined });
  for (const sessionId of ["a", "/agent", "a b#%"]) {
    expect(parsePlace(chatHash(sessionId))).toEqual({ tab: "chat", sessionId });
  }
  expect(chatHash(undefined)).toBe("");
});
