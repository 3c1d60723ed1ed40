// The tree of a conversation: what the path shows, walking between siblings, branches.

import { describe, expect, test } from "bun:test";
import { createMessage, type Message } from "../../../src/page/conversation/message.ts";
import { rowsOf } from "../../../src/page/conversation/tree-rows.ts";
import {
  addMessages,
  changeMessage,
  choose,
  chooseSibling,
  continuePath,
  emptyTree,
  endPathAt,
  isPathEnded,
  leafOf,
  pathOf,
  removeMessage,
  siblingsOf,
  type Tree,
} from "../../../src/page/conversation/tree.ts";

function message(id: string, parentId: string | null): Message {
  return createMessage({ id, parentId, role: "user", createdAtMs: 0, status: "complete" });
}

function treeOf(...edges: readonly (readonly [id: string, parentId: string | null])[]): Tree {
  return addMessages(
    emptyTree,
    edges.map(([id, parentId]) => message(id, parentId)),
  );
}

const idsOf = (tree: Tree) => pathOf(tree).map(({ id }) => id);

/** a1 has two answers; the second one goes on, and its question was worded twice. */
const branched = treeOf(["q1", null], ["a1", "q1"], ["a1b", "q1"], ["q2", "a1b"], ["a2", "q2"], ["q2b", "a1b"]);

describe("the path", () => {
  test("of an empty tree is empty", () => {
    expect(pathOf(emptyTree)).toEqual([]);
    expect(leafOf(emptyTree)).toBeUndefined();
  });

  test("leads to what was added last", () => {
    expect(idsOf(branched)).toEqual(["q1", "a1b", "q2b"]);
    expect(leafOf(branched)?.id).toBe("q2b");
  });

  test("takes the newest where nothing was chosen", () => {
    expect(idsOf({ ...branched, chosen: new Map() })).toEqual(["q1", "a1b", "q2b"]);
  });

  test("ends at a message whose parent is not there", () => {
    expect(idsOf(treeOf(["q1", null], ["lost", "nowhere"]))).toEqual(["q1"]);
  });
});

describe("siblings", () => {
  test("are told oldest first, the message among them", () => {
    expect(siblingsOf(branched, { parentId: "q1" })).toEqual(["a1", "a1b"]);
    expect(siblingsOf(branched, { parentId: "a1b" })).toEqual(["q2", "q2b"]);
  });

  test("walking to the earlier one shows its branch, and back the way it went before", () => {
    const earlier = chooseSibling(chooseSibling(branched, "q2b", -1), "a1b", -1);
    expect(idsOf(earlier)).toEqual(["q1", "a1"]);

    const back = chooseSibling(earlier, "a1", 1);
    expect(idsOf(back)).toEqual(["q1", "a1b", "q2", "a2"]);
  });

  test("walking past either end changes nothing", () => {
    expect(chooseSibling(branched, "a1", -1)).toBe(branched);
    expect(chooseSibling(branched, "a1b", 1)).toBe(branched);
    expect(chooseSibling(branched, "nobody", 1)).toBe(branched);
  });

  test("a second beginning is a sibling of the first", () => {
    const tree = addMessages(branched, [message("q0", null)]);

    expect(idsOf(tree)).toEqual(["q0"]);
    expect(idsOf(chooseSibling(tree, "q0", -1))).toEqual(["q1", "a1b", "q2b"]);
  });
});

describe("choose", () => {
  test("leads through a message in the middle and on", () => {
    expect(idsOf(choose(branched, "q2"))).toEqual(["q1", "a1b", "q2", "a2"]);
  });
});

describe("endPathAt", () => {
  test("ends the path for a new branch, and continuePath goes on", () => {
    const ended = endPathAt(branched, "a1b");

    expect(idsOf(ended)).toEqual(["q1", "a1b"]);
    expect(isPathEnded(ended)).toBe(true);
    expect(isPathEnded(branched)).toBe(false);
    expect(idsOf(continuePath(ended))).toEqual(["q1", "a1b", "q2b"]);
  });

  test("what is added there becomes the path", () => {
    const grown = addMessages(endPathAt(branched, "a1b"), [message("q3", "a1b")]);

    expect(idsOf(grown)).toEqual(["q1", "a1b", "q3"]);
    expect(isPathEnded(grown)).toBe(false);
  });

  test("before all messages begins anew", () => {
    expect(idsOf(endPathAt(branched, null))).toEqual([]);
    expect(isPathEnded(endPathAt(branched, null))).toBe(true);
  });

  test("at a leaf there is nothing to come back to", () => {
    expect(isPathEnded(endPathAt(branched, "q2b"))).toBe(false);
  });
});

describe("changes", () => {
  test("removeMessage takes what follows along and shows a sibling", () => {
    const tree = removeMessage(branched, "a1b");

    expect([...tree.messages.keys()]).toEqual(["q1", "a1"]);
    expect(idsOf(tree)).toEqual(["q1", "a1"]);
    expect(removeMessage(tree, "a1b")).toBe(tree);
  });

  test("changeMessage leaves the tree alone when nothing changes", () => {
    expect(changeMessage(branched, "a1", (same) => same)).toBe(branched);
    expect(changeMessage(branched, "nobody", (same) => ({ ...same, content: "x" }))).toBe(branched);
    const changed = changeMessage(branched, "a1", (same) => ({ ...same, content: "x" }));
    expect(changed.messages.get("a1")?.content).toBe("x");
    expect(branched.messages.get("a1")?.content).toBe("");
  });

  test("a message that is there already is not added twice", () => {
    expect(addMessages(branched, [message("a1", "q1")]).children.get("q1")).toEqual(["a1", "a1b"]);
  });
});

describe("rowsOf", () => {
  test("indents at branches alone and marks the path", () => {
    const rows = rowsOf(branched).map(({ message: { id }, column, isBranch, isOnPath }) =>
      [id, column, isBranch ? "branch" : "", isOnPath ? "path" : ""].join(" ").trimEnd(),
    );

    expect(rows).toEqual([
      "q1 0  path",
      "a1 1 branch",
      "a1b 1 branch path",
      "q2 2 branch",
      "a2 2",
      "q2b 2 branch path",
    ]);
  });

  test("goes as deep as a conversation may be", () => {
    const edges = Array.from(
      { length: 20_000 },
      (_, index) => [`m${index}`, index === 0 ? null : `m${index - 1}`] as const,
    );
    const messages = new Map(edges.map(([id, parentId]) => [id, message(id, parentId)]));
    const children = new Map(edges.map(([id, parentId]) => [parentId, [id]]));

    expect(rowsOf({ messages, children, chosen: new Map() })).toHaveLength(20_000);
  });
});
