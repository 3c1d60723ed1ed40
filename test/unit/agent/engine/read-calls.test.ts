// What a model's answer asks for, in whatever way it is written.

import { describe, expect, test } from "bun:test";
import { Offer } from "../../../../src/agent/engine/offer.ts";
import { readCalls, type ReadCalls } from "../../../../src/agent/engine/read-calls.ts";
import { createRunState } from "../../../../src/agent/engine/run-state.ts";
import { createToolBooks } from "../../../../src/agent/engine/tool-book.ts";
import { createToolIndexer } from "../../../../src/agent/engine/tool-index.ts";
import { calendar, toolOf } from "../../../support/scripted-tools.ts";

const tools = Object.entries(calendar()).map(([name, tool]) => toolOf("calendar", name, tool));
const book = createToolBooks(() => "run", createToolIndexer()).of(tools);
const state = () => createRunState({ turnId: "t", sessionId: "s", query: "q", mark: "m", model: undefined });

function read(...calls: readonly (readonly [name: string, text: string])[]): ReadCalls {
  const toolCalls = calls.map(([toolName, argumentsText]) => ({ callId: "same", toolName, argumentsText }));
  return readCalls(toolCalls, new Offer(book, book.usable), state());
}

describe("readCalls", () => {
  test("takes each call with an id of its own [R4-056]", () => {
    const { toolCalls, ready, replies } = read(["list_events", "{}"], ["list_events", '{"day":"today"}']);

    expect(ready.map(({ input }) => input)).toEqual([{}, { day: "today" }]);
    expect(new Set(toolCalls.map(({ callId }) => callId)).size).toBe(2);
    expect(ready.map(({ callId }) => callId)).toEqual(toolCalls.map(({ callId }) => callId));
    expect(replies).toEqual([]);
  });

  test.each([[" list_events "], ['"list_events"'], ["list_eventslist_events"]])("knows the name %j", (name) => {
    expect(read([name, ""]).ready).toHaveLength(1);
  });

  test.each(["LIST_EVENTS", "events", "", "calendar/list_events", "__proto__"])(
    "does not guess the name %j",
    (name) => {
      expect(read([name, "{}"])).toMatchObject({ ready: [], replies: [{ isError: true }] });
    },
  );

  test("finds the question among calls, and asks for one that is missing", () => {
    expect(read(["list_events", ""], ["ask_user", '{"question":"Which\\u0000 John?"}']).question).toBe("Which John?");
    expect(read(["ask_user", '{"question":" "}'])).toMatchObject({ question: undefined, replies: [{ isError: true }] });
  });

  test("does not know the search for tools where all are shown", () => {
    expect(read(["find_tools", '{"query":"mail"}']).replies[0]?.text).toStartWith("There is no tool");
  });
});
