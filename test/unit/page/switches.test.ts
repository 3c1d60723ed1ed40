// What a person chooses about a conversation: how it is asked for, and how the browser keeps it.

import { describe, expect, test } from "bun:test";
import {
  countChanged,
  parseSwitches,
  plainSwitches,
  requestFieldsOf,
  type Switches,
} from "../../../src/page/conversation/switches.ts";
import { createMemory } from "../../../src/page/memory.ts";

const changed: Switches = {
  reasoning: "on",
  webSearch: "off",
  documents: "chosen",
  chosenDocuments: ["a", "b"],
  followUps: false,
};

describe("requestFieldsOf", () => {
  test("says nothing of what is as it always is", () => {
    expect(requestFieldsOf(plainSwitches, new Set())).toEqual({});
  });

  test("says all that differs", () => {
    expect(requestFieldsOf(changed, new Set(["a", "b", "c"]))).toEqual({
      documents: ["a", "b"],
      options: { reasoning: true, web_search: false, follow_ups: false },
    });
    expect(requestFieldsOf({ ...plainSwitches, reasoning: "off", webSearch: "on" }, undefined)).toEqual({
      options: { reasoning: false, web_search: true },
    });
  });

  test.each<[string, Partial<Switches>, ReadonlySet<string> | undefined, unknown]>([
    ["none", { documents: "none" }, new Set(["a"]), false],
    ["all, whatever was chosen before", { documents: "all" }, new Set(["a"]), undefined],
    ["those that are still there", {}, new Set(["b"]), ["b"]],
    ["none when all that were chosen are gone", {}, new Set(), false],
    ["none when none was chosen", { chosenDocuments: [] }, new Set(["a"]), false],
    ["those that were chosen while nobody has told what there is", {}, undefined, ["a", "b"]],
  ])("searches %s", (_what, change, known, documents) => {
    expect(requestFieldsOf({ ...changed, ...change }, known).documents).toEqual(documents as false);
  });
});

test("countChanged counts what differs", () => {
  expect(countChanged(plainSwitches)).toBe(0);
  expect(countChanged({ ...plainSwitches, chosenDocuments: ["a"] })).toBe(0);
  expect(countChanged(changed)).toBe(4);
});

test.each([[undefined], [null], [7], ["text"], [[]], [{ reasoning: "loud", documents: 3, chosenDocuments: [1] }]])(
  "parseSwitches takes %j as what is always so",
  (value) => {
    expect(parseSwitches(value)).toEqual(plainSwitches);
  },
);

describe("the memory", () => {
  test("keeps switches by conversation, and those of the next new one apart", () => {
    const memory = createMemory();
    const other = { ...plainSwitches, followUps: false };

    memory.saveSwitches("s1", changed);
    memory.saveSwitches(undefined, other);

    expect(memory.readSwitches("s1")).toEqual(changed);
    expect(memory.readSwitches(undefined)).toEqual(other);
    expect(memory.readSwitches("s2")).toEqual(plainSwitches);
    memory.saveSwitches("s1", plainSwitches);
    expect(memory.readSwitches("s1")).toEqual(plainSwitches);
    expect(memory.readSwitches(undefined)).toEqual(other);
  });

  test("forgets those that were changed longest ago", () => {
    const memory = createMemory();

    for (let index = 0; index < 301; index++) memory.saveSwitches(`s${index}`, changed);

    expect(memory.readSwitches("s0")).toEqual(plainSwitches);
    expect(memory.readSwitches("s1")).toEqual(changed);
    expect(memory.readSwitches("s300")).toEqual(changed);
  });
});
