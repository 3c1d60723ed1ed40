// The settings of the history: what is kept of exchanges, for how long, and in how much room.

import { Type } from "typebox";
import { dayMs, gibibyte, mebibyte, minuteMs, tenYearsMs } from "./setting-kinds.ts";

export const historySettings = {
  history: Type.Enum(["off", "metadata", "content"], {
    description:
      "What is kept of each exchange for /v1/history: nothing, when and how it went, or also what was said. A key may have a choice of its own",
    default: "off",
  }),
  historyKeep: Type.Integer({
    description: "How long an exchange is kept, in milliseconds",
    default: 30 * dayMs,
    minimum: minuteMs,
    maximum: tenYearsMs,
  }),
  historyMaxBytes: Type.Integer({
    description: "Largest size of history.db on the disk, its log included. What is oldest makes room, contents first",
    default: gibibyte,
    minimum: 4 * mebibyte,
    maximum: 1024 * gibibyte,
  }),
};
