// Inputs of responses that begin as that of another one, in SQLite: a row holds what is its own, and what is deleted hands its
// items on to one of those that begin with them. Transactions are the caller's.

import type { Database } from "bun:sqlite";
import { parseExact, stringifyExact } from "../../contract/exact-json.ts";
import type { JsonObject } from "../../contract/json.ts";
import type { SharedBeginning } from "../response-store.ts";

/** Type aliases, not interfaces, so that they can be bound. */
export type ResponseKey = { readonly caller: string; readonly id: string };
export type ResponseThread = { readonly caller: string; readonly threadId: string };

export interface SharedInputs {
  /** @param shared of a response of the same tree */
  note(key: ResponseKey, shared: SharedBeginning): void;
  /** All items of a response. */
  read(key: ResponseKey): readonly JsonObject[];
  /** Before the response is deleted: whatever begins with its items is left whole. */
  handOn(key: ResponseKey): void;
  /** Before the responses of the tree are deleted. */
  forgetThread(thread: ResponseThread): void;
}

interface Part {
  readonly input: string;
  /** So many of the items until here are used. Null in the last one: all. */
  readonly count: number | null;
}

export function createSharedInputs(database: Database): SharedInputs {
  const note = database.prepare(`
    INSERT INTO response_shares (caller, response_id, shares_id, shares_count)
    VALUES ($caller, $id, $sharedId, $count)
    ON CONFLICT DO UPDATE SET shares_id = $sharedId, shares_count = $count`);
  const findShared = database.prepare<SharedBeginning, [ResponseKey]>(`
    SELECT shares_id AS id, shares_count AS count FROM response_shares
    WHERE caller = $caller AND response_id = $id`);
  // A response shares only what was there before it, or with the heir of that, which stands in its place: there are no circles
  // to be walked for ever.
  const findParts = database.prepare<Part, [ResponseKey]>(`
    WITH RECURSIVE line (response_id, count, depth) AS (
      SELECT $id, NULL, 0
      UNION ALL
      SELECT s.shares_id, s.shares_count, line.depth + 1
      FROM line JOIN response_shares s ON s.caller = $caller AND s.response_id = line.response_id)
    SELECT r.input, line.count
    FROM line CROSS JOIN responses r ON r.caller = $caller AND r.response_id = line.response_id
    ORDER BY line.depth DESC`);
  // The newest is deleted last, mostly: then what it was handed is not handed on again.
  const findHeirs = database.prepare<SharedBeginning, [ResponseKey]>(`
    SELECT response_id AS id, shares_count AS count FROM response_shares
    WHERE caller = $caller AND shares_id = $id ORDER BY shares_count DESC, response_id DESC`);
  const findInput = database.prepare<{ input: string }, [ResponseKey]>(
    "SELECT input FROM responses WHERE caller = $caller AND response_id = $id",
  );
  const setInput = database.prepare<unknown, [ResponseKey & { input: string }]>(
    "UPDATE responses SET input = $input WHERE caller = $caller AND response_id = $id",
  );
  const forget = database.prepare<unknown, [ResponseKey]>(
    "DELETE FROM response_shares WHERE caller = $caller AND response_id = $id",
  );
  const forgetThread = database.prepare<unknown, [ResponseThread]>(`
    DELETE FROM response_shares WHERE caller = $caller AND response_id IN
      (SELECT response_id FROM responses WHERE caller = $caller AND thread_id = $threadId)`);

  const noteShared = ({ caller, id }: ResponseKey, { id: sharedId, count }: SharedBeginning): void => {
    const before = findShared.get({ caller, id: sharedId });
    // What is asked for again and again makes no line.
    const isOfBefore = before !== null && before.count >= count;
    note.run({ caller, id, sharedId: isOfBefore ? before.id : sharedId, count });
  };

  const inputOf = (key: ResponseKey): readonly JsonObject[] => itemsOf(findInput.get(key)?.input ?? "[]");
  /** One of them holds what is handed on, and the others share it with that one: many may have begun with the same. */
  const inherit = (key: ResponseKey, { id, count }: SharedBeginning, shared: SharedBeginning | null): void => {
    const heir = { caller: key.caller, id };
    const stillShared = Math.min(count, shared?.count ?? 0);
    const handed = inputOf(key).slice(0, count - stillShared);
    if (handed.length > 0) setInput.run({ ...heir, input: stringifyExact([...handed, ...inputOf(heir)]) });
    if (shared === null) forget.run(heir);
    else noteShared(heir, { id: shared.id, count: stillShared });
  };

  return {
    note: noteShared,
    read(key) {
      const items: JsonObject[] = [];
      for (const { input, count } of findParts.all(key)) {
        for (const item of itemsOf(input)) items.push(item);
        if (count !== null) items.length = Math.min(items.length, count);
      }
      return items;
    },
    handOn(key) {
      const shared = findShared.get(key);
      const [first, ...others] = findHeirs.all(key);
      forget.run(key);
      if (first === undefined) return;
      inherit(key, first, shared);
      for (const { id, count } of others) {
        const isWithin = shared !== null && count <= shared.count;
        noteShared({ caller: key.caller, id }, { id: isWithin ? shared.id : first.id, count });
      }
    },
    forgetThread: (thread) => void forgetThread.run(thread),
  };
}

/** @param input of a row */
export function itemsOf(input: string): readonly JsonObject[] {
  // As these drivers have written it.
  return parseExact(input) as readonly JsonObject[];
}
