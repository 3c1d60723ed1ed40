// Stored responses on a shared store: a hash a response, and a tree of them lasts as long as somebody goes on from it.

import { parseExact, stringifyExact } from "../../contract/exact-json.ts";
import type { JsonObject } from "../../contract/json.ts";
import {
  defaultResponseBytes,
  type FoundResponse,
  type NewResponse,
  type ResponseStep,
  type ResponseStore,
} from "../response-store.ts";
import { parseOwner } from "./claims.ts";
import type { Session } from "./session.ts";

export interface RedisResponsesOptions {
  /** Who runs what begins here. */
  readonly owner: string;
  /** Of all that is kept. Beyond it a sweep deletes the trees that were last gone on from first. @defaultValue 536_870_912 */
  readonly maxBytes?: number;
}

/** Trees of one script: it must stay short beside running turns. */
const sweptTrees = 20;

export function createRedisResponses(session: Session, options: RedisResponsesOptions): ResponseStore {
  const { owner, maxBytes = defaultResponseBytes } = options;
  const ask = (operation: string, more: object, texts?: readonly string[]): Promise<unknown> =>
    session.ask("responses", { operation, owner, ...more }, texts);

  return {
    async remember(caller, { id, previousId, response, inputFrom }: NewResponse) {
      const runs = response["status"] === "in_progress";
      const previous = previousId ?? undefined;
      const texts = [...textsOf(response), stringifyExact(inputFrom(0))];
      const asked = { caller, id, previous, owner: runs ? owner : undefined };
      // Nobody waits for one that has been answered: it can be tried again.
      if (runs) await ask("remember", asked, texts);
      else await session.askUntilDone("responses", { operation: "remember", ...asked }, texts);
    },
    async change(caller, id, response) {
      await session.askUntilDone("responses", { operation: "change", owner, caller, id }, textsOf(response));
    },
    async find(caller, id) {
      const row = (await ask("find", { caller, id })) as string[];
      return row.length === 0 ? undefined : foundOf(row);
    },
    async findPath(caller, id) {
      return ((await ask("findPath", { caller, id })) as string[][]).map(stepOf);
    },
    forget: async (caller, id) => (await ask("forget", { caller, id })) === 1,
    async linkSession(caller, id, sessionId) {
      await ask("linkSession", { caller, id, session: sessionId });
    },
    takeSession: async (caller, sessionId) => (await ask("takeSession", { caller, session: sessionId })) as string[],
    async sweep() {
      const limit = sweptTrees;
      while ((await ask("sweep", { limit })) === limit);
      while (((await ask("makeRoom", { limit, mostBytes: maxBytes })) as number) > 0);
    },
  };
}

function textsOf({ output, ...response }: JsonObject): [response: string, output: string] {
  return [stringifyExact(response), stringifyExact(output ?? [])];
}

/** The casts are of values that this file has written. */
function stepOf([id = "", previousId = "", input = "[]", output = "[]"]: readonly string[]): ResponseStep {
  const items = (json: string): readonly JsonObject[] => parseExact(json) as readonly JsonObject[];
  return { id, previousId: previousId || null, input: items(input), output: items(output) };
}

function foundOf(row: readonly string[]): FoundResponse {
  const { output, ...step } = stepOf(row);
  const response: JsonObject = { ...(parseExact(row[4] ?? "{}") as JsonObject), output };
  const runs = response["status"] === "in_progress" && row[5] !== undefined && row[5] !== "";
  return runs ? { ...step, response, runsElsewhere: parseOwner(row[5]) } : { ...step, response };
}
