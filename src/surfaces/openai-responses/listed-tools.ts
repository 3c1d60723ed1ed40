// The tools of a request, wherever it tells them: in `tools`, and in items of its input. Codex tells newer models all of its
// tools so, and what a search among those of its tool servers has found (0.169).

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { onceFor } from "../../contract/once-for.ts";

/** The item that brings tools and says nothing. */
export const additionalTools = "additional_tools";
/** What a search for tools that the client did has found. */
export const foundTools = "tool_search_output";

/**
 * @param history items that stand before the input
 * @returns the same list for the same lists, so that it is parsed once
 */
export function listedTools(body: JsonObject, history: readonly unknown[]): unknown {
  const own = body["tools"];
  const input = Array.isArray(body["input"]) ? body["input"] : [];
  const added = [...listsIn(history), ...listsIn(input)];
  if (added.length === 0) return own;
  const lists = isFilled(own) ? [own, ...added] : added;
  if (lists.length > mostKept) return withoutRepeated(lists.flat());
  return lists.reduce((joined, list) => joinedWith(joined)(list));
}

/** Lists of one request that are remembered as joined; each joins all before it once more. */
const mostKept = 50;

/** Agents send the same lists with each request: joined they are the same list again. */
const joinedWith = onceFor((first: readonly unknown[]) =>
  onceFor((next: readonly unknown[]) => withoutRepeated([...first, ...next])),
);

function listsIn(items: readonly unknown[]): (readonly unknown[])[] {
  const lists: (readonly unknown[])[] = [];
  for (const item of items) {
    if (!isJsonObject(item) || (item["type"] !== additionalTools && item["type"] !== foundTools)) continue;
    if (isFilled(item["tools"])) lists.push(item["tools"]);
  }
  return lists;
}

function isFilled(list: unknown): list is readonly unknown[] {
  return Array.isArray(list) && list.length > 0;
}

/** A tool that is told again is told anew. Of a namespace each search may find other tools: they add up. */
function withoutRepeated(entries: readonly unknown[]): readonly unknown[] {
  const told = Map.groupBy(entries, (entry) => (isJsonObject(entry) ? nameOf(entry) : entry));
  return [...told.values()].map((same) => {
    const last = same.at(-1);
    if (same.length === 1 || !isJsonObject(last) || last["type"] !== "namespace") return last;
    const tools = same.flatMap((entry) => (isJsonObject(entry) && Array.isArray(entry["tools"]) ? entry["tools"] : []));
    return { ...last, tools: withoutRepeated(tools) };
  });
}

/** Some clients write functions as in chat completions, one object deeper. */
function nameOf(entry: JsonObject): string {
  const declared = isJsonObject(entry["function"]) ? entry["function"] : entry;
  return `${entry["type"] ?? "function"} ${declared["name"]}`;
}
