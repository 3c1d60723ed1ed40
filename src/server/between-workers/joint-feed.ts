// The log of all workers as one feed: the lines of this one, and those that the others stream through their inner doors.

import type { LogFeed } from "../../admin/log-stream.ts";
import type { Fellows } from "../../workers/fellows.ts";
import type { Trip } from "../trip.ts";
import { followFellows } from "./follow-fellows.ts";

/** @param trip of whoever reads it */
export function createJointFeed(own: LogFeed, fellows: Pick<Fellows, "others" | "onRoster">, trip: Trip): LogFeed {
  return {
    subscribe(listener) {
      const unsubscribe = own.subscribe(listener);
      const leave = followFellows(fellows, trip, { event: (_fellow, line) => listener(line) });
      return () => {
        leave();
        unsubscribe();
      };
    },
  };
}
