// What is left to send once the turn is found.

import { describe, expect, test } from "bun:test";
import type { Message } from "../../../src/contract/chat-request.ts";
import { fingerprintHistory } from "../../../src/conversation/fingerprints.ts";
import { unseenMessages } from "../../../src/conversation/unseen-messages.ts";
import { assistant, call, result, system, user } from "./messages.ts";

const messages = [system("rules"), user("1"), assistant("2"), user("3"), assistant("4"), system("news"), user("5")];

/** By a claim that matched `prefixIndex` and whose branch has seen the system messages of `seen`. */
function unseen(of: readonly Message[], prefixIndex: number | undefined, seen: readonly Message[] = []) {
  const { systemHashes } = fingerprintHistory("local", seen, []);
  return unseenMessages(of, fingerprintHistory("local", of, []), { prefixIndex, systemHashes });
}

describe("unseenMessages starts", () => {
  test("behind the prefix that matched", () => {
    expect(unseen(messages, 0).unseenFrom).toBe(5);
    expect(unseen(messages, 1).unseenFrom).toBe(3);
  });

  test("behind the last answer when found by the session alone", () => {
    expect(unseen(messages, undefined).unseenFrom).toBe(5);
  });

  test("at the beginning for a thin client, which sends no history", () => {
    expect(unseen([user("5")], undefined).unseenFrom).toBe(0);
    expect(unseen([system("rules"), user("5")], undefined).unseenFrom).toBe(0);
  });

  test("at the tool results of a thin client", () => {
    const thin = [user("1"), assistant("", call("1", "f", "{}")), result("1", "x")];
    expect(unseen(thin, undefined).unseenFrom).toBe(2);
  });

  test("before an assistant message at the very end, which is no answer", () => {
    expect(unseen([user("5"), assistant("Well,")], undefined).unseenFrom).toBe(0);
  });
});

describe("unseenMessages names", () => {
  test("the system messages that the branch has not seen", () => {
    expect(unseen(messages, 0, [system("rules")]).unseenSystem).toEqual([5]);
    expect(unseen(messages, 0, [system("news"), system("rules")]).unseenSystem).toEqual([]);
    expect(unseen(messages, 0).unseenSystem).toEqual([0, 5]);
  });

  test("a system message that changed, though it stands before the prefix", () => {
    expect(unseen(messages, 0, [system("old rules"), system("news")]).unseenSystem).toEqual([0]);
  });

  test.each([
    ["nothing new", ["rules", "news"], ["rules", "news"], [], "none"],
    ["one more", ["rules"], ["rules", "news"], [1], "added"],
    ["one in a new form", ["rules", "news"], ["rules", "new news"], [1], "changed"],
    ["one in a new form and one more", ["rules", "news"], ["rules", "new news", "tone"], [1, 2], "changed"],
    ["one in a new form and one fewer", ["rules", "news", "tone"], ["rules", "new news"], [0, 1], "replaced"],
    ["all in a new form", ["rules"], ["other rules"], [0], "replaced"],
    ["one fewer", ["rules", "news"], ["rules"], [0], "replaced"],
    ["none left", ["rules"], [], [], "removed"],
  ])("what to tell of %s", (_what, before, now, unseenSystem, systemChange) => {
    const asked = [...now.map((text) => system(text)), user("1"), assistant("2"), user("3")];
    expect(
      unseen(
        asked,
        0,
        before.map((text) => system(text)),
      ),
    ).toMatchObject({ unseenSystem, systemChange });
  });

  test("nothing of instructions that a thin client leaves out", () => {
    expect(unseen([user("3")], undefined, [system("rules")])).toMatchObject({ unseenSystem: [], systemChange: "none" });
  });

  test("no system message that only changed its shape or its place", () => {
    const moved = [user("1"), assistant("2"), system("the\n rules"), user("3")];
    expect(unseen(moved, 0, [system("the", "rules")]).unseenSystem).toEqual([]);
  });
});
