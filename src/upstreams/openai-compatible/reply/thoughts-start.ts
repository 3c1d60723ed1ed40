// Which models of a server send thoughts that nothing opens: found out from their replies, since no server tells.

import type { ChatRequest } from "../../../contract/chat-request.ts";
import type { Dialect } from "../dialect.ts";
import { knownModel } from "../servers/known-models.ts";
import type { ThoughtsStart } from "../../think-tags.ts";
import { thinkingOf } from "../request/thinking.ts";

export interface ThoughtsStarts {
  of(request: ChatRequest, model: string): ThoughtsStart;
  /** @returns whether that is news */
  note(model: string, start: "marked" | "unopened"): boolean;
}

/** Names of models come from clients. */
const maxModels = 256;

export function createThoughtsStarts({ reply }: Dialect): ThoughtsStarts {
  const unopened = new Set<string>();

  return {
    of(request, model) {
      const mayThink = thinkingOf(request) !== false && knownModel(model)?.thinking !== false;
      if (!reply.unopenedThoughts || !mayThink) return "marked";
      if (unopened.has(model)) return "unopened";
      return request.stream ? "watched" : "held";
    },
    note(model, start) {
      if (start === "marked") return unopened.delete(model);
      if (unopened.has(model)) return false;
      if (unopened.size >= maxModels) unopened.clear();
      unopened.add(model);
      return true;
    },
  };
}
