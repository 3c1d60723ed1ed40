// Ids for the items of kept inputs. Those that were sent without one are kept without: several responses may share them, and each
// tells them with ids of its own.

import type { ResponseStep, ResponseStore } from "../../store/response-store.ts";
import { withItemIds } from "../../surfaces/openai-responses/input-items.ts";
import { replyIdOf } from "../../surfaces/openai-responses/items.ts";

/** The same store, whose items all have an id. */
export function tellItemIds(store: ResponseStore): ResponseStore {
  return {
    ...store,
    async find(caller, id) {
      const found = await store.find(caller, id);
      return found && told(found);
    },
    findPath: async (caller, id) => (await store.findPath(caller, id)).map(told),
  };
}

function told<Step extends Pick<ResponseStep, "id" | "input">>(step: Step): Step {
  return { ...step, input: withItemIds(step.input, replyIdOf(step.id)) };
}
