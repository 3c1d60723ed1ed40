// The parts without state: Python's JSON, seeded ids, gates, the script queue.

import { describe, expect, test } from "bun:test";
import { createGates } from "../../../src/emulator/gates.ts";
import { pythonJson } from "../../../src/emulator/python-json.ts";
import { createRandom, createUuid } from "../../../src/emulator/random.ts";
import { parseScript, type ScriptEntry } from "../../../src/emulator/script.ts";
import { createScriptQueue } from "../../../src/emulator/script-queue.ts";

describe("pythonJson", () => {
  test("separates by comma and colon with a space, keeps raw UTF-8 and key order", () => {
    const value = { b: [1, true, null], a: { "k é": '你"\n', e: [], o: {} } };
    expect(pythonJson(value)).toBe('{"b": [1, true, null], "a": {"k é": "你\\"\\n", "e": [], "o": {}}}');
  });
});

describe("createUuid", () => {
  test("is a version 4 uuid that follows from its parts", () => {
    expect(createUuid("s", 1)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(createUuid("s", 1)).toBe(createUuid("s", 1));
    expect(createUuid("s", 1)).not.toBe(createUuid("s1"));
  });
});

describe("createRandom", () => {
  test("gives equal sequences for equal parts, within bounds", () => {
    const [one, same, other] = [createRandom(1, 2), createRandom(1, 2), createRandom(1, 3)];
    const take = (random: { between(least: number, most: number): number }) =>
      Array.from({ length: 50 }, () => random.between(1, 4));
    const numbers = take(one);
    expect(take(same)).toEqual(numbers);
    expect(take(other)).not.toEqual(numbers);
    expect(new Set(numbers)).toEqual(new Set([1, 2, 3, 4]));
  });
});

describe("gates", () => {
  test("keep permits that come before the waiter, and let waiters through one by one", async () => {
    const gates = createGates();
    const { signal } = new AbortController();
    gates.release("g", 1);
    await gates.pass("g", signal);
    const order: number[] = [];
    const first = gates.pass("g", signal).then(() => order.push(1));
    const second = gates.pass("g", signal).then(() => order.push(2));
    gates.release("g", 1);
    await first;
    expect(order).toEqual([1]);
    gates.release("g", "all");
    await second;
    await gates.pass("g", signal);
    expect(order).toEqual([1, 2]);
  });

  test("free a waiter whose signal is aborted without spending a permit", async () => {
    const gates = createGates();
    const leaving = new AbortController();
    const left = gates.pass("g", leaving.signal);
    leaving.abort();
    await left;
    gates.release("g", 1);
    await gates.pass("g", new AbortController().signal);
  });
});

describe("script queue", () => {
  const call = { on: "completions", content: "hello world", account: "a", bearer: "t" } as const;

  test("takes the first entry that fits, as often as it says", () => {
    const queue = createScriptQueue<ScriptEntry>();
    const stop = { on: "stop", refuse: "internal-error" } as const;
    const other = { match: "bye", reply: { text: "1" } };
    const twice = { match: "world", times: 2, reply: { text: "2" } };
    const always = { times: "always", account: "t", reply: { text: "3" } } as const;
    queue.add([stop, other, twice, always]);
    const taken = [queue.take(call), queue.take(call), queue.take(call), queue.take(call)];
    expect(taken).toEqual([twice, twice, always, always]);
    expect(queue.take({ ...call, bearer: undefined })).toBeUndefined();
    expect(queue.length).toBe(3);
  });

  test("gives an entry back to its place", () => {
    const queue = createScriptQueue<ScriptEntry>();
    queue.add([{ reply: { text: "1" } }, { reply: { text: "2" } }]);
    const first = queue.take(call);
    if (first !== undefined) queue.giveBack(first);
    expect(queue.take(call)).toEqual({ reply: { text: "1" } });
    expect(queue.take(call)).toEqual({ reply: { text: "2" } });
    expect(queue.take(call)).toBeUndefined();
  });

  test("is parsed from JSON, and names what it does not know", () => {
    expect(parseScript({ reply: { text: "x", faults: [{ kind: "drop", after: 2 }] } })).toHaveProperty("entries");
    expect(parseScript([{ refuse: "unauthorized" }, { refuse: { name: "http-status", status: 503 } }])).toEqual({
      entries: [{ refuse: "unauthorized" }, { refuse: { name: "http-status", status: 503 } }],
    });
    expect(parseScript({ refuse: "no-such-refusal" })).toHaveProperty("problem");
    // Who has the executable alone finds the names nowhere else.
    expect(parseScript({ on: "no-such-call" })).toEqual({
      problem: expect.stringMatching(/^script\/0\/on: must be one of .*completions.*chats\/new/),
    });
    expect(parseScript({ replies: {} })).toHaveProperty("problem");
    expect(parseScript("text")).toHaveProperty("problem");
  });
});
