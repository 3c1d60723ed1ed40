// Turns out of messages: what merges, what disappears, and where a turn ends.

import { expect, test } from "bun:test";
import type { JsonObject } from "../../../src/contract/json.ts";
import { canonicalText, canonicalTurns } from "../../../src/conversation/canonical.ts";
import { assistant, call, result, system, user } from "./messages.ts";

test("canonicalTurns merges neighbours of one side and leaves system messages out", () => {
  const turns = canonicalTurns([
    system("rules"),
    user("one"),
    system("more rules"),
    user("two"),
    assistant("three"),
    assistant("four"),
  ]);

  expect(turns).toEqual([
    { side: "user", text: "one two", toolCalls: [], toolResults: [], endIndex: 4 },
    { side: "assistant", text: "three four", toolCalls: [], toolResults: [], endIndex: 6 },
  ]);
});

test("canonicalTurns counts tool results to the user's side", () => {
  const turns = canonicalTurns([user("a"), assistant("", call("1", "read", "{}")), result("1", "x"), user("b")]);

  expect(turns.map((turn) => [turn.side, turn.text, turn.toolResults])).toEqual([
    ["user", "a", []],
    ["assistant", "", []],
    ["user", "b", [{ callIndex: 0, text: "x" }]],
  ]);
});

test("canonicalTurns lets an empty turn disappear and its neighbours merge", () => {
  const turns = canonicalTurns([user("a"), assistant(""), user("b"), assistant(undefined), assistant("(no content)")]);

  expect(turns).toEqual([{ side: "user", text: "a b", toolCalls: [], toolResults: [], endIndex: 3 }]);
});

test("canonicalTurns ends a turn behind an empty message of its side", () => {
  expect(canonicalTurns([user("a"), assistant("b"), assistant(""), user("c")])[1]?.endIndex).toBe(3);
});

test("canonicalTurns keeps a tool result that is empty", () => {
  const turns = canonicalTurns([user("a"), assistant("", call("1", "read", "{}")), result("1")]);

  expect(turns[2]?.toolResults).toEqual([{ callIndex: 0, text: "" }]);
});

test("canonicalTurns orders results by their calls, whatever the ids are", () => {
  const calls = [call("x", "a", ""), call("y", "b", ""), call("z", "c", "")];
  const resultsOf = (...results: ReturnType<typeof result>[]): unknown =>
    canonicalTurns([user("go"), assistant("", ...calls), ...results])[2]?.toolResults;

  expect(resultsOf(result("z", "3"), result("x", "1"), result("y", "2"))).toEqual([
    { callIndex: 0, text: "1" },
    { callIndex: 1, text: "2" },
    { callIndex: 2, text: "3" },
  ]);
  expect(resultsOf(result("?", "1"), result("y", "2"), result("??", "3"), result("???", "4"))).toEqual([
    { callIndex: 0, text: "1" },
    { callIndex: 1, text: "2" },
    { callIndex: 2, text: "3" },
    { callIndex: -1, text: "4" },
  ]);
});

test("canonicalTurns gives results in order to calls whose ids are all empty", () => {
  const turns = canonicalTurns([
    user("go"),
    assistant("", call("", "a", ""), call("", "b", "")),
    result("", "1"),
    result("", "2"),
  ]);

  expect(turns[2]?.toolResults).toEqual([
    { callIndex: 0, text: "1" },
    { callIndex: 1, text: "2" },
  ]);
});

test("canonicalTurns gives results of unknown ids to the calls in order, also where ids repeat", () => {
  const calls = [call("x", "a", ""), call("y", "b", ""), call("x", "c", "")];
  const turns = canonicalTurns([
    user("go"),
    assistant("", ...calls),
    result("1", "1"),
    result("2", "2"),
    result("3", "3"),
  ]);

  expect(turns[2]?.toolResults.map((one) => one.callIndex)).toEqual([0, 1, 2]);
  expect(turns[2]?.toolResults.map((one) => one.text)).toEqual(["1", "2", "3"]);
});

test("canonicalTurns takes arguments that are no object for none, but free text by its words", () => {
  const callsOf = (argumentsText: string) =>
    canonicalTurns([assistant("", call("1", "f", argumentsText))])[0]?.toolCalls;

  for (const none of ["", '{"a": 1,\n "b"', '"a.txt"', "[1]", "null"]) expect(callsOf(none)).toEqual(callsOf("{}")!);
  expect(callsOf("*** Begin\n  patch")).toEqual(callsOf("*** Begin patch")!);
  expect(callsOf("*** Begin patch")).not.toEqual(callsOf("*** End patch")!);
});

test("canonicalTurns survives arguments nested beyond reason", () => {
  const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;

  expect(canonicalTurns([assistant("", call("1", "f", nested))])).toHaveLength(1);
});

test("canonicalText tells sound and video apart by all that they say, in any order", () => {
  const media = (part: JsonObject) => canonicalText({ role: "user", content: [{ type: "media", part }] });
  const video = { type: "video_url", video_url: { url: "https://example.org/a.mp4" }, fps: 2 };
  expect(media(video)).not.toBe(media({ ...video, fps: 3 }));
  expect(media(video)).toBe(media({ fps: 2, video_url: video.video_url, type: "video_url" }));
  expect(media(video)).not.toContain("example");
});

test("canonicalText tells images and files apart by their address", () => {
  const image = (url: string) => canonicalText({ role: "user", content: [{ type: "image", url }] });

  expect(image("data:image/png;base64,AAAA")).not.toBe(image("data:image/png;base64,AAAB"));
  expect(image("https://example.org/a.png")).not.toContain("example");
  // What its sender calls it is no part of it.
  expect(image("data:image/jpeg;base64,AAAA")).toBe(image("data:image/png;charset=binary;base64,AAAA"));
  expect(image("a")).not.toBe(canonicalText({ role: "user", content: [{ type: "file", name: "a", url: "a" }] }));
});
