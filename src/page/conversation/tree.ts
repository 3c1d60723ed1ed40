// The tree of a conversation and the path through it that is shown. Pure: every function gives a new tree.

import type { Message } from "./message.ts";

export interface Tree {
  readonly messages: ReadonlyMap<string, Message>;
  /** What follows a message, or the beginning (`null`), oldest first. */
  readonly children: ReadonlyMap<string | null, readonly string[]>;
  /** Which of them the path takes. Absent: the newest. `null`: the path ends here although something follows. */
  readonly chosen: ReadonlyMap<string | null, string | null>;
}

export const emptyTree: Tree = { messages: new Map(), children: new Map(), chosen: new Map() };

/** Puts messages below their parents and leads the path to each in turn, so that it ends at the last one. */
export function addMessages(tree: Tree, added: readonly Message[]): Tree {
  const messages = new Map(tree.messages);
  const children = new Map(tree.children);
  for (const message of added) {
    if (messages.has(message.id)) continue;
    messages.set(message.id, message);
    children.set(message.parentId, [...(children.get(message.parentId) ?? []), message.id]);
  }
  const grown: Tree = { ...tree, messages, children };
  return added.reduce((led, { id }) => choose(led, id), grown);
}

/** The same tree when there is no such message, or when nothing changes. */
export function changeMessage(tree: Tree, id: string, change: (message: Message) => Message): Tree {
  const message = tree.messages.get(id);
  if (message === undefined) return tree;
  const changed = change(message);
  return changed === message ? tree : { ...tree, messages: new Map(tree.messages).set(id, changed) };
}

/** Takes a message away, and what follows it. */
export function removeMessage(tree: Tree, id: string): Tree {
  const removed = tree.messages.get(id);
  if (removed === undefined) return tree;
  const messages = new Map(tree.messages);
  const children = new Map(tree.children);
  const chosen = new Map(tree.chosen);
  const waiting = [id];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    waiting.push(...(children.get(next) ?? []));
    messages.delete(next);
    children.delete(next);
    chosen.delete(next);
  }
  const left = (children.get(removed.parentId) ?? []).filter((child) => child !== id);
  children.set(removed.parentId, left);
  if (chosen.get(removed.parentId) === id) chosen.delete(removed.parentId);
  return { messages, children, chosen };
}

/** What is shown, from the beginning to the end of the path. */
export function pathOf(tree: Tree): Message[] {
  const path: Message[] = [];
  for (let id = nextOf(tree, null); id !== null; id = nextOf(tree, id)) {
    const message = tree.messages.get(id);
    if (message === undefined) break;
    path.push(message);
  }
  return path;
}

function nextOf(tree: Tree, id: string | null): string | null {
  const chosen = tree.chosen.get(id);
  return chosen === undefined ? (tree.children.get(id)?.at(-1) ?? null) : chosen;
}

/** The last message of the path: what the next one follows. */
export function leafOf(tree: Tree): Message | undefined {
  return pathOf(tree).at(-1);
}

/** The messages that follow the same one, this one among them. */
export function siblingsOf(tree: Tree, { parentId }: Pick<Message, "parentId">): readonly string[] {
  return tree.children.get(parentId) ?? [];
}

/** Leads the path through a message and on, as it went there before. */
export function choose(tree: Tree, id: string): Tree {
  const chosen = new Map(tree.chosen);
  for (let message = tree.messages.get(id); message !== undefined;) {
    chosen.set(message.parentId, message.id);
    message = message.parentId === null ? undefined : tree.messages.get(message.parentId);
  }
  return { ...tree, chosen };
}

/** Leads the path to the neighbour before (-1) or behind (1); the same tree at either end. */
export function chooseSibling(tree: Tree, id: string, step: -1 | 1): Tree {
  const message = tree.messages.get(id);
  if (message === undefined) return tree;
  const siblings = siblingsOf(tree, message);
  const neighbour = siblings[siblings.indexOf(id) + step];
  return neighbour === undefined ? tree : choose(tree, neighbour);
}

/** Ends the path at a message, or before all of them (`null`): the next message begins a branch there. */
export function endPathAt(tree: Tree, id: string | null): Tree {
  const through = id === null ? tree : choose(tree, id);
  return { ...through, chosen: new Map(through.chosen).set(id, null) };
}

/** Whether the path was ended by hand before something that follows. */
export function isPathEnded(tree: Tree): boolean {
  const end = leafOf(tree)?.id ?? null;
  return tree.chosen.get(end) === null && (tree.children.get(end)?.length ?? 0) > 0;
}

/** Undoes `endPathAt`: the path goes on to the newest. */
export function continuePath(tree: Tree): Tree {
  const chosen = new Map(tree.chosen);
  chosen.delete(leafOf(tree)?.id ?? null);
  return { ...tree, chosen };
}
