// The tree of a conversation as rows of a list: what stands in which column. Pure.

import type { Message } from "./message.ts";
import { pathOf, type Tree } from "./tree.ts";

export interface TreeRow {
  readonly message: Message;
  /** 0 for the first branch. A message without siblings stays in the column of what it follows. */
  readonly column: number;
  /** One of several that follow the same message. */
  readonly isBranch: boolean;
  readonly isOnPath: boolean;
}

/** Parents before their children, older branches before newer ones. */
export function rowsOf(tree: Tree): TreeRow[] {
  const onPath = new Set(pathOf(tree).map(({ id }) => id));
  const rows: TreeRow[] = [];
  const waiting: { readonly id: string; readonly column: number; readonly isBranch: boolean }[] = [];

  // A stack and no recursion: a conversation may be some thousands of messages deep.
  function wait(parentId: string | null, column: number): void {
    const children = tree.children.get(parentId) ?? [];
    const isBranch = children.length > 1;
    for (const id of children.toReversed()) waiting.push({ id, column: isBranch ? column + 1 : column, isBranch });
  }

  wait(null, 0);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const message = tree.messages.get(next.id);
    if (message === undefined) continue;
    rows.push({ message, column: next.column, isBranch: next.isBranch, isOnPath: onPath.has(next.id) });
    wait(next.id, next.column);
  }
  return rows;
}
