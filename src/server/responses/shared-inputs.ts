// Inputs that go on from one that is kept already. Agents send their whole history with each turn: of a response is kept what the
// turn has added.

import { isJsonObject } from "../../contract/json.ts";
import { growthOf } from "../../conversation/grown-lists.ts";
import type { NewResponse, SharedBeginning } from "../../store/response-store.ts";
import { referredId } from "../../surfaces/openai-responses/input-items.ts";

export interface SharedInputs {
  /** The kept response whose input a request begins with. To be asked as soon as its body is read: see `noteGrowth`. */
  find(body: unknown): SharedBeginning | undefined;
  /** What was asked for by this body is kept. */
  noteKept(body: unknown, response: Pick<NewResponse, "id" | "shared">): void;
}

export function createSharedInputs(): SharedInputs {
  /** By input: a response, and how long its own is. Gone with the inputs; that of one caller never grows from another's. */
  const known = new WeakMap<readonly unknown[], SharedBeginning>();

  return {
    find(body) {
      const list = wholeHistoryIn(body);
      const growth = list && growthOf(list);
      const before = growth && known.get(growth.earlier);
      if (list === undefined || growth === undefined || before === undefined) return undefined;
      // Else all that begin with the same examples would be one conversation, which never expires.
      if (growth.count < before.count) return undefined;
      // For the next turn, in case that this one is not kept.
      known.set(list, before);
      return before;
    },
    noteKept(body, { id, shared }) {
      const list = wholeHistoryIn(body);
      if (list?.slice(shared?.count ?? 0).every(isSaid) === true) known.set(list, { id, count: list.length });
    },
  };
}

/** Undefined for what goes on from another response by its id. */
function wholeHistoryIn(body: unknown): readonly unknown[] | undefined {
  if (!isJsonObject(body) || typeof body["previous_response_id"] === "string") return undefined;
  const { input } = body;
  return Array.isArray(input) && input.length > 0 ? input : undefined;
}

/** Two equal references need not stand for the same. */
function isSaid(item: unknown): boolean {
  return isJsonObject(item) && referredId(item) === undefined;
}
