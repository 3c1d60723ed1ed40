// What is asked, and where it stands in the tree: sending, editing, retrying, branching, before and after an arrival.

import { describe, expect, test } from "bun:test";
import {
  ask,
  askAgain,
  askInstead,
  type Birth,
  type Conversation,
  createConversation,
  titleOf,
  underwayIn,
} from "../../../src/page/conversation/conversation.ts";
import { createMessage } from "../../../src/page/conversation/message.ts";
import { addMessages, changeMessage, emptyTree, endPathAt, pathOf } from "../../../src/page/conversation/tree.ts";

let births = 0;
function birth(): Birth {
  births += 1;
  return { userId: `u${births}`, answerId: `a${births}`, nowMs: births };
}

const hello = { text: "Hello", attachments: [] };
const contents = (conversation: Conversation) => pathOf(conversation.tree).map(({ content }) => content);

/** A question and its answer, both known to the gateway. */
function arrived(): Conversation {
  return createConversation("c", {
    sessionId: "s",
    title: "Old",
    tree: addMessages(emptyTree, [
      createMessage({
        id: "q",
        gatewayId: "Q",
        parentId: null,
        role: "user",
        createdAtMs: 0,
        status: "complete",
        content: "One",
      }),
      createMessage({
        id: "a",
        gatewayId: "A",
        parentId: "q",
        role: "assistant",
        createdAtMs: 0,
        status: "complete",
        content: "Two",
      }),
    ]),
  });
}

describe("ask", () => {
  test("puts the message and an empty answer at the end [R3-059]", () => {
    const { conversation, question, answerId } = ask(createConversation("c"), hello, birth());

    expect(contents(conversation)).toEqual(["Hello", ""]);
    expect(conversation.tree.messages.get(answerId)).toMatchObject({ role: "assistant", status: "sending" });
    expect(underwayIn(conversation)?.id).toBe(answerId);
    expect(conversation.title).toBe("Hello");
    expect(question).toEqual({ message: "Hello" });
  });

  test("follows the end of the path by the id that the gateway knows", () => {
    const { conversation, question } = ask(arrived(), hello, birth());

    expect(contents(conversation)).toEqual(["One", "Two", "Hello", ""]);
    expect(question).toEqual({ message: "Hello", parent_id: "A" });
    expect(conversation.title).toBe("Old");
  });

  test("begins a branch where the path was ended", () => {
    const conversation = arrived();
    const ended = { ...conversation, tree: endPathAt(conversation.tree, null) };

    expect(ask(ended, hello, birth()).question).toEqual({ message: "Hello", parent_id: null });
  });

  test("passes over what never arrived", () => {
    const { conversation } = ask(arrived(), hello, birth());

    const next = ask(conversation, { text: "Again", attachments: [] }, birth());

    expect(next.question).toEqual({ message: "Again", parent_id: "A" });
    expect(contents(next.conversation)).toEqual(["One", "Two", "Again", ""]);
  });

  test("sends files by name and address, those that are still there", () => {
    const attachments = [
      { name: "a.txt", type: "text/plain", url: "data:text/plain,a" },
      { name: "gone.png", type: "image/png", url: undefined },
    ];

    const { question } = ask(createConversation("c"), { text: "Read", attachments }, birth());

    expect(question).toEqual({ message: "Read", attachments: [{ name: "a.txt", url: "data:text/plain,a" }] });
  });
});

describe("files that only the gateway has", () => {
  const held = [{ name: "a.txt", type: "text/plain", url: undefined, heldBy: "Q" }];

  test("come along with another wording by the message that holds them", () => {
    const { conversation, question } = askInstead(arrived(), "q", { text: "Hello", attachments: held }, birth());

    expect(question).toEqual({ message: "Hello", parent_id: null, attachments_of: "Q" });
    expect(pathOf(conversation.tree)[0]?.attachments).toEqual(held);
  });

  test("come along once more when that wording never arrived", () => {
    const first = askInstead(arrived(), "q", { text: "Hello", attachments: held }, birth());

    const again = askAgain(first.conversation, first.answerId, birth());

    expect(again?.question).toEqual({ message: "Hello", parent_id: null, attachments_of: "Q" });
  });
});

describe("askInstead", () => {
  test("is a branch beside the earlier wording", () => {
    const { conversation, question } = askInstead(arrived(), "q", hello, birth());

    expect(question).toEqual({ message: "Hello", parent_id: null });
    expect(contents(conversation)).toEqual(["Hello", ""]);
    expect(conversation.tree.children.get(null)).toHaveLength(2);
  });

  test("replaces a wording that never arrived", () => {
    const first = ask(arrived(), hello, birth());
    const user = pathOf(first.conversation.tree).at(-2);

    const { conversation, question } = askInstead(
      first.conversation,
      user?.id ?? "",
      { text: "Hi", attachments: [] },
      birth(),
    );

    expect(question).toEqual({ message: "Hi", parent_id: "A" });
    expect(conversation.tree.children.get("a")).toHaveLength(1);
  });
});

describe("askAgain", () => {
  test("is a second answer to the same message", () => {
    const exchange = askAgain(arrived(), "a", birth());

    expect(exchange?.question).toEqual({ retry_of: "Q" });
    expect(exchange?.conversation.tree.children.get("q")).toHaveLength(2);
    expect(contents(exchange?.conversation ?? arrived())).toEqual(["One", ""]);
  });

  test("replaces an answer of which nothing has come", () => {
    const first = askAgain(arrived(), "a", birth());
    const second = askAgain(first?.conversation ?? arrived(), first?.answerId ?? "", birth());

    expect(second?.conversation.tree.children.get("q")).toHaveLength(2);
  });

  test("asks the whole question anew when it never arrived", () => {
    const { conversation, answerId } = ask(arrived(), hello, birth());

    const exchange = askAgain(conversation, answerId, birth());

    expect(exchange?.question).toEqual({ message: "Hello", parent_id: "A" });
    expect(exchange?.conversation.tree.children.get("a")).toHaveLength(1);
  });

  test("knows no answer to nothing", () => {
    expect(askAgain(arrived(), "nobody", birth())).toBeUndefined();
  });
});

test("underwayIn finds none when all have ended", () => {
  const conversation = arrived();
  expect(underwayIn(conversation)).toBeUndefined();
  const tree = changeMessage(conversation.tree, "a", (answer) => ({ ...answer, status: "running" }));
  expect(underwayIn({ ...conversation, tree })?.id).toBe("a");
});

test("titleOf is the first line, cut where it is long", () => {
  expect(titleOf("  One\nTwo")).toBe("One");
  expect(titleOf("x".repeat(80))).toBe(`${"x".repeat(59)}…`);
});
