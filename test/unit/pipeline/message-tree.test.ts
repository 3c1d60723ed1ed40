// Where a new message attaches in the tree of a session, and what was said before it.

import { describe, expect, test } from "bun:test";
import { flattenText } from "../../../src/contract/chat-request.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { attachmentsIn, placeNamedBy, placeOf } from "../../../src/pipeline/message-tree.ts";
import type { ChatMessage } from "../../../src/store/chat-store.ts";

function message(id: string, parentId: string | null, change: Partial<ChatMessage> = {}): ChatMessage {
  const role = id.startsWith("u") ? "user" : "assistant";
  return {
    id,
    parentId,
    role,
    content: `says ${id}`,
    status: "complete",
    createdAtMs: 1,
    streamId: undefined,
    extras: {},
    ...change,
  };
}

/** As the store gives it: the message that is named, and those that it follows. */
function pathTo(messages: readonly ChatMessage[], id: string | null | undefined): ChatMessage[] {
  const last = id === undefined ? messages.at(-1) : messages.find((message) => message.id === id);
  return last === undefined ? [] : [...(last.parentId === null ? [] : pathTo(messages, last.parentId)), last];
}

function placeIn(messages: readonly ChatMessage[], parentId?: string | null, retryOf?: string) {
  const names = { parentId, retryOf };
  return placeOf(names, pathTo(messages, placeNamedBy(names)));
}

function place(messages: readonly ChatMessage[], parentId?: string | null, retryOf?: string) {
  const { history, ...found } = placeIn(messages, parentId, retryOf);
  return { ...found, history: history.map((said) => `${said.role}: ${flattenText(said)}`) };
}

function refusal(messages: readonly ChatMessage[], parentId?: string | null, retryOf?: string): unknown {
  try {
    placeIn(messages, parentId, retryOf);
    return undefined;
  } catch (error) {
    return error instanceof GatewayError && { kind: error.kind, param: error.param };
  }
}

const dialogue = [message("u1", null), message("a1", "u1"), message("u2", "a1"), message("a2", "u2")];
/** a1 has two answers of the user, and u2 two answers. */
const tree = [...dialogue, message("a2b", "u2"), message("u2b", "a1"), message("a3", "u2b")];

describe("placeOf", () => {
  test("the first message of a session begins it", () => {
    expect(place([])).toEqual({ parentId: null, history: [], repeated: undefined });
  });

  test("without a parent a message follows the newest one", () => {
    expect(place(dialogue)).toEqual({
      parentId: "a2",
      history: ["user: says u1", "assistant: says a1", "user: says u2", "assistant: says a2"],
      repeated: undefined,
    });
    expect(place(tree).history).toEqual([
      "user: says u1",
      "assistant: says a1",
      "user: says u2b",
      "assistant: says a3",
    ]);
  });

  test("with a parent it begins a branch there, and hears nothing of the others", () => {
    expect(place(tree, "a1")).toMatchObject({ parentId: "a1", history: ["user: says u1", "assistant: says a1"] });
    expect(place(tree, "a2b").history.at(-1)).toBe("assistant: says a2b");
  });

  test("null is a new beginning", () => {
    expect(place(tree, null)).toEqual({ parentId: null, history: [], repeated: undefined });
  });

  test("a retry answers a message of the user once more, with what came before it", () => {
    const { repeated, parentId, history } = place(tree, undefined, "u2");

    expect({ id: repeated?.id, parentId, history }).toEqual({
      id: "u2",
      parentId: "a1",
      history: ["user: says u1", "assistant: says a1"],
    });
    expect(place(tree, undefined, "u1")).toMatchObject({ parentId: null, history: [] });
  });

  test("refuses ids that are not there, and a retry of an answer", () => {
    expect(refusal(tree, "nowhere")).toEqual({ kind: "invalid-request", param: "parent_id" });
    expect(refusal([], "a1")).toEqual({ kind: "invalid-request", param: "parent_id" });
    expect(refusal(tree, undefined, "nowhere")).toEqual({ kind: "invalid-request", param: "retry_of" });
    expect(refusal(tree, undefined, "a1")).toEqual({ kind: "invalid-request", param: "retry_of" });
  });

  test("answers that never said a word are left out, and those that broke off are not", () => {
    const failed = [
      message("u1", null),
      message("a1", "u1", { content: "", status: "failed" }),
      message("u2", "a1"),
      message("a2", "u2", { content: "half", status: "stopped" }),
    ];

    expect(place(failed).history).toEqual(["user: says u1", "user: says u2", "assistant: half"]);
    expect(place(failed).parentId).toBe("a2");
  });

  test("a message that was refused for what it holds is not said again, but when it is asked for", () => {
    const refused = { content: "", status: "failed", extras: { isRefused: true } } as const;
    const path = [...dialogue, message("u3", "a2"), message("a3", "u3", refused), message("u4", "a3")];
    const said = ["user: says u1", "assistant: says a1", "user: says u2", "assistant: says a2"];

    expect(place(path, "a3")).toEqual({ parentId: "a3", history: said, repeated: undefined });
    expect(place(path).history).toEqual([...said, "user: says u4"]);
    expect(place(path, undefined, "u3")).toMatchObject({ parentId: "a2", history: said, repeated: { id: "u3" } });
    // Another model has taken it.
    expect(place([...path, message("a3b", "u3")]).history).toEqual([...said, "user: says u3", "assistant: says a3b"]);
  });

  test("a message may follow another one of the user", () => {
    expect(place(dialogue, "u2").history).toEqual(["user: says u1", "assistant: says a1", "user: says u2"]);
  });

  test("attachments are said again", () => {
    const url = "data:image/png;base64,AA";
    const [said] = placeIn([message("u1", null, { extras: { attachments: [{ name: "a", url }] } })]).history;

    expect(said?.content).toEqual([
      { type: "text", text: "says u1" },
      { type: "image", url, field: "attachments[0].url" },
    ]);
  });
});

describe("attachmentsIn", () => {
  test("gives those of the message that is named", () => {
    const attachments = [{ name: "a.txt", url: "data:text/plain;base64,YQ==" }];

    expect(attachmentsIn(message("u1", null, { extras: { attachments } }))).toEqual(attachments);
    expect(attachmentsIn(message("u2", "a1"))).toEqual([]);
  });

  test.each([message("a1", "u1"), undefined])("refuses what is no message of the user of this session", (holder) => {
    expect(() => attachmentsIn(holder)).toThrow(
      expect.objectContaining({ kind: "invalid-request", param: "attachments_of" }),
    );
  });
});
