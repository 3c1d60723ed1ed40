// The session id is documented: clients may compute it themselves.

import { describe, expect, test } from "bun:test";
import { firstUserText, sessionIdOf } from "../../../src/conversation/session-id.ts";
import { assistant, system, user } from "./messages.ts";

describe("firstUserText", () => {
  test("finds the user's message behind system messages [R2-018] [R2-065]", () => {
    expect(firstUserText([system("rules"), user("Hello")])).toBe("Hello");
  });

  test("takes the first of several [R2-019] [R2-065]", () => {
    expect(firstUserText([user("Hello"), assistant("Hi"), user("Bye")])).toBe("Hello");
  });

  test("is undefined when the user says nothing [R2-020] [R2-065]", () => {
    expect(firstUserText([system("rules"), assistant("Hi")])).toBeUndefined();
    expect(firstUserText([])).toBeUndefined();
  });

  test("joins all text parts", () => {
    expect(firstUserText([user("a", "b")])).toBe("a\nb");
  });
});

describe("sessionIdOf", () => {
  test("is the MD5 of the text [R2-021]", () => {
    expect(sessionIdOf("Hello")).toBe("8b1a9953c4611296a827abf8c47804d7");
    expect(sessionIdOf("你好")).toBe("7eca689f0d3389d9dea66ae112e5cfd7");
  });

  test("is the same each time [R2-022] [R2-066]", () => {
    expect(sessionIdOf("Hello")).toBe(sessionIdOf("Hello"));
  });

  test("differs for other words [R2-023] [R2-066]", () => {
    expect(sessionIdOf("Hello")).not.toBe(sessionIdOf("hello"));
  });
});
