// Which turns go, in which order, and what never does.

import { describe, expect, test } from "bun:test";
import type { Message } from "../../../src/contract/chat-request.ts";
import { dropOldestTurns } from "../../../src/conversation/drop-oldest-turns.ts";
import { estimateMessage } from "../../../src/conversation/estimate-prompt.ts";
import { assistant, call, result, system, user } from "./messages.ts";

/** About as many tokens, with those around the message. */
const words = (tokens: number): string => "word".repeat(tokens - 4);
const asks = (tokens: number): Message => user(words(tokens));
const says = (tokens: number): Message => assistant(words(tokens));
const everything = Number.POSITIVE_INFINITY;

describe("dropOldestTurns", () => {
  test("drops the oldest turns until enough is gone, and not one more", () => {
    const messages = [asks(50), says(50), asks(50), says(50), asks(50), says(50), user("now")];
    const each = estimateMessage(asks(50));
    expect(dropOldestTurns(messages, 2 * each + 1)).toEqual({ kept: [4, 5, 6], freedTokens: 4 * each });
    expect(dropOldestTurns(messages, 2 * each)).toEqual({ kept: [2, 3, 4, 5, 6], freedTokens: 2 * each });
  });

  test("drops nothing when nothing has to go", () => {
    expect(dropOldestTurns([asks(50), says(50), user("now")], 0)).toEqual({ kept: [0, 1, 2], freedTokens: 0 });
  });

  test("keeps system messages wherever they stand", () => {
    const messages = [system("Be kind"), user("a"), assistant("b"), system("Be brief"), user("c"), says(9), user("d")];
    expect(dropOldestTurns(messages, everything).kept).toEqual([0, 3, 6]);
  });

  test("keeps the last user message and all that follows, however much there is", () => {
    const messages = [
      user("a"),
      says(9),
      user("b"),
      assistant(undefined, call("1", "read", "{}")),
      result("1", "text"),
    ];
    expect(dropOldestTurns(messages, everything).kept).toEqual([2, 3, 4]);
  });

  test("drops nothing of a history with one user message, or none", () => {
    const loop = [user("a"), assistant(undefined, call("1", "read", "{}")), result("1", words(500)), says(9)];
    expect(dropOldestTurns(loop, everything).kept).toEqual([0, 1, 2, 3]);
    expect(dropOldestTurns([assistant("a"), assistant("b")], everything).kept).toEqual([0, 1]);
  });

  test("takes user messages without an answer between them for one turn", () => {
    const messages = [asks(9), says(9), user("a picture"), system("x"), user("and a question")];
    expect(dropOldestTurns(messages, everything).kept).toEqual([2, 3, 4]);
  });

  test("drops what was said before the first user message with its turn", () => {
    expect(dropOldestTurns([assistant("Hello!"), user("a"), assistant("b"), user("c")], 1).kept).toEqual([3]);
  });

  test("keeps a call with a result that came after the user had spoken again", () => {
    const messages = [
      asks(9),
      says(9),
      user("start it"),
      assistant(undefined, call("1", "run", "{}")),
      user("hurry up"),
      result("1", "done"),
      assistant("It is done"),
      user("now"),
    ];
    expect(dropOldestTurns(messages, 1).kept).toEqual([2, 3, 4, 5, 6, 7]);
    expect(dropOldestTurns(messages, 40).kept).toEqual([7]);
    expect(dropOldestTurns(messages.slice(0, 6), everything).kept).toEqual([2, 3, 4, 5]);
  });

  test("tells calls apart whose ids come again in every turn", () => {
    const turn = (text: string) => [
      user(text),
      assistant(undefined, call("call_0", "read", "{}")),
      result("call_0", "x"),
    ];
    const messages = [...turn("a"), ...turn("b"), user("c")];
    expect(dropOldestTurns(messages, 1).kept).toEqual([3, 4, 5, 6]);
  });

  test("keeps a result whose id nobody knows with the calls before it", () => {
    const messages = [
      user("a"),
      assistant(undefined, call("1", "run", "{}")),
      user("b"),
      result("other", "x"),
      user("c"),
    ];
    expect(dropOldestTurns(messages, 1).kept).toEqual([4]);
    expect(dropOldestTurns(messages.slice(0, 4), everything).kept).toEqual([0, 1, 2, 3]);
  });
});
