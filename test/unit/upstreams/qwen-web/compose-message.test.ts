// The one message of a turn: the newest text untouched, everything unseen folded in above it.

import { describe, expect, test } from "bun:test";
import { parseRequest } from "../../../../src/surfaces/openai-chat/parse-request.ts";
import { composeMessage, everything } from "../../../../src/upstreams/qwen-web/compose-message.ts";

function request(...messages: readonly object[]) {
  return parseRequest({ messages });
}
const system = { role: "system", content: "Be brief." };
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

describe("composeMessage", () => {
  test("sends a lone message byte for byte [R2-040]", () => {
    const text = "  # Not a heading\n\tUser: π “quoted” \\n  ";
    const only = request(user(text));
    expect(composeMessage(only, everything(only))).toBe(text);
  });

  test("sends only the last message on a known chain, without labels", () => {
    const known = request(system, user("a"), assistant("b"), user("c"));
    expect(composeMessage(known, { unseenFrom: 3, unseenSystem: [], systemChange: "none" })).toBe("c");
  });

  test("folds system text in above the first message", () => {
    const first = request(system, user("Hello"));
    expect(composeMessage(first, everything(first))).toBe("# Instructions\nBe brief.\n\n# Message\nHello");
  });

  test("says of changed system text that it replaces the earlier one", () => {
    const known = request(system, user("a"), assistant("b"), user("c"));
    expect(composeMessage(known, { unseenFrom: 3, unseenSystem: [0], systemChange: "replaced" })).toBe(
      "# Instructions (they replace the earlier ones)\nBe brief.\n\n# Message\nc",
    );
  });

  test("says of added system text that it adds, also to a thin client's chat, and that removed text holds no more", () => {
    const thin = request(system, user("c"));
    const told = (systemChange: "added" | "changed" | "replaced" | "removed", unseenSystem: number[]) =>
      composeMessage(thin, { unseenFrom: 0, unseenSystem, systemChange });
    expect(told("added", [0])).toBe("# Further instructions\nBe brief.\n\n# Message\nc");
    expect(told("replaced", [0])).toBe("# Instructions (they replace the earlier ones)\nBe brief.\n\n# Message\nc");
    expect(told("changed", [0])).toContain("these parts replace their earlier form");
    expect(told("removed", [])).toBe("# Instructions\nThe earlier instructions no longer hold.\n\n# Message\nc");
  });

  test("writes a whole history as a labelled transcript, nothing left out", () => {
    const call = { id: "1", type: "function", function: { name: "look", arguments: '{"at":"sky"}' } };
    const all = request(
      user("What colour?"),
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "1", content: "blue" },
      assistant("Blue."),
      user("Sure?"),
    );
    expect(composeMessage(all, everything(all))).toBe(
      '# Conversation so far\nUser: What colour?\n\nAssistant: [called look with {"at":"sky"}]\n\nTool result: blue\n\nAssistant: Blue.\n\n# Message\nSure?',
    );
  });

  test("joins all text parts of a message in order", () => {
    const parts = request({
      role: "user",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
    });
    expect(composeMessage(parts, everything(parts))).toBe("a\nb");
  });
});
