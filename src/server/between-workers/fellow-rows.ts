// What the feeds of the other workers tell, by its name: lists, of which each has the newest.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { Fellows } from "../../workers/fellows.ts";
import type { Trip } from "../trip.ts";
import { followFellows } from "./follow-fellows.ts";

export type FellowRows = (name: string) => readonly JsonObject[];

/** @param signal ends it */
export function createFellowRows(
  fellows: Pick<Fellows, "others" | "onRoster">,
  trip: Trip,
  signal: AbortSignal,
): FellowRows {
  const told = new Map<string, JsonObject>();
  const leave = followFellows(fellows, trip, {
    event(fellow, data) {
      const part: unknown = JSON.parse(data);
      if (isJsonObject(part)) told.set(fellow, { ...told.get(fellow), ...part });
    },
    ended: (fellow) => void told.delete(fellow),
  });
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return (name) =>
    [...told.values()].flatMap(({ [name]: rows }) => (Array.isArray(rows) ? rows.filter(isJsonObject) : []));
}
