// The messages of a request that begins as an earlier one did.

import type { Message } from "../contract/chat-request.ts";
import { growthOf, minGrownItems, noteGrowth } from "./grown-lists.ts";

const wholes = new WeakMap<readonly Message[], readonly Message[]>();

/**
 * System messages before all others, for protocols that have a place of their own for them. Those that say the same as in the
 * earlier request are the same objects as there. If all of them are, so is the beginning of the whole.
 */
export function withSystem(system: readonly Message[], said: readonly Message[]): readonly Message[] {
  const growth = growthOf(said);
  const before = growth && wholes.get(growth.earlier);
  const told = before === undefined ? system : system.map((message, index) => known(before[index], message));
  const whole = [...told, ...said];
  const isSame = before !== undefined && before.length - growth!.earlier.length === system.length;
  if (growth !== undefined && isSame && told.every((message, index) => message === before[index])) {
    noteGrowth(whole, before, system.length + growth.count);
  }
  if (said.length >= minGrownItems) wholes.set(said, whole);
  return whole;
}

function known(before: Message | undefined, message: Message): Message {
  if (before?.role !== "system" || before.content.length !== message.content.length) return message;
  const isSame = message.content.every((part, index) => {
    const other = before.content[index];
    return part.type === "text" && other?.type === "text" && part.text === other.text;
  });
  return isSame ? before : message;
}
