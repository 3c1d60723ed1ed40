// What the emulator says, remembers, and cannot know.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { composeAnswer, cutIntoDeltas } from "../../../src/emulator/answer.ts";
import type { Utterance } from "../../../src/emulator/dialogue.ts";
import { createRandom } from "../../../src/emulator/random.ts";

function ask(message: string, path: readonly Utterance[] = [], seed = 1): string {
  return composeAnswer({ path, message, fileNames: [], random: createRandom(seed) });
}

function told(...texts: string[]): Utterance[] {
  return texts.flatMap((text): Utterance[] => [
    { role: "user", text },
    { role: "assistant", text: ask(text) },
  ]);
}

describe("composeAnswer", () => {
  test.each(["hello", "Hi there", "good morning!", "你好"])(
    "greets %p and says that it is a demonstration",
    (greeting) => {
      const answer = ask(greeting);
      expect(answer).toMatch(/demonstration/);
      expect(answer).toMatch(/emulator/);
      expect(answer).toMatch(/not the real model|no real model/);
    },
  );

  test("varies its wording by seed and repeats it for an equal seed", () => {
    const answers = new Set(Array.from({ length: 12 }, (_, seed) => ask("hello", [], seed)));
    expect(answers.size).toBeGreaterThan(3);
    expect(ask("hello", [], 7)).toBe(ask("hello", [], 7));
  });

  test("counts from a to b without a gap [R1-029]", () => {
    const numbers = (ask("Please count from 1 to 100, one by one.").match(/\d+/g) ?? []).map(Number);
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(ask("count to 5")).toBe("1 2 3 4 5");
    expect(ask("Count from 5 down to 2")).toBe("5 4 3 2");
    expect(ask("Write the numbers 8 through 11")).toBe("8 9 10 11");
  });

  test("calculates a little", () => {
    expect(ask("What is 17 * 19?")).toContain("323");
    expect(ask("what is 10 divided by 4")).toContain("2.5");
  });

  test("says what it is asked to say", () => {
    expect(ask('Reply with exactly "pong"')).toBe("pong");
    expect(ask("Say hello world")).toBe("hello world");
  });

  test.each([
    ["My name is Ada.", "What is my name?", "Ada"],
    ["hi, I'm Grace", "Do you remember my name?", "Grace"],
    ["Call me Ishmael", "Who am I?", "Ishmael"],
    ["My favourite colour is teal", "what's my favorite color?", "teal"],
    ["Please remember the number 4711.", "What number did I tell you to remember?", "4711"],
    ["remember the word pineapple", "Which word did I ask you to remember?", "pineapple"],
    ["The secret code is X-7.", "What is the secret code?", "X-7"],
    ["My dog is called Rex, I live in Oslo", "What is the name of my dog?", "Rex"],
    ["My dog is called Rex. I live in Oslo", "Where do I live?", "Oslo"],
    ["my version is 3.14 and my city is Paris.", "what is my version?", "3.14"],
    ["My lucky number is 7", "Tell me my lucky number", "7"],
  ])("recalls from %p", (fact, question, expected) => {
    expect(ask(question, told(fact, "How are you?"))).toContain(expected);
    expect(ask(question)).not.toContain(expected);
  });

  test("admits what it was not told", () => {
    expect(ask("What is my name?")).toMatch(/not (told|said)/);
  });

  test("takes the newest of two facts", () => {
    expect(ask("What is my name?", told("My name is Ada.", "Now my name is Bob."))).toContain("Bob");
  });

  test("knows its own last words only when they are on the path", () => {
    const path: Utterance[] = [
      { role: "user", text: "hello" },
      { role: "assistant", text: "Blue whale." },
    ];
    expect(ask("What did you just say?", path)).toContain("Blue whale.");
    expect(ask("What did you just say?", path.slice(0, 1))).toContain("not said anything");
    expect(ask("How many messages have I sent?", path)).toContain("message 2");
  });

  test("reads a transcript folded into one message", () => {
    const folded =
      "# Instructions\nBe brief. My secret is none.\n\n# Conversation so far\nUser: My name is Ada.\n\nAssistant: Noted: your name is Ada.\n\nUser: Remember the number 99\n\nAssistant: Fine.\n\n# Message\n";
    expect(ask(`${folded}What is my name?`)).toContain("Ada");
    expect(ask(`${folded}What number did I tell you?`)).toContain("99");
    expect(ask(`${folded}What did you say?`)).toContain("Fine.");
    expect(ask(`${folded}count to 3`)).toBe("1 2 3");
    expect(ask("Human: My name is Ada.\nAssistant: Hi.\nHuman: What is my name?")).toContain("Ada");
  });

  test("answers anything", () => {
    fc.assert(fc.property(fc.string({ maxLength: 2000, unit: "grapheme" }), (text) => ask(text).length > 0));
  });
});

describe("cutIntoDeltas", () => {
  test("loses nothing and starts with one token", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: "grapheme" }), fc.integer(), (text, seed) => {
        expect(cutIntoDeltas(text, createRandom(seed)).join("")).toBe(text);
      }),
    );
    expect(cutIntoDeltas("Hello to you all", createRandom(1))[0]).toBe("Hello");
    expect(cutIntoDeltas("", createRandom(1))).toEqual([]);
  });
});
