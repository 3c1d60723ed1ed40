// Faults that any stream may have, as steps of a reply.

import type { ReplyStep } from "./reply-steps.ts";
import type { WireFault } from "./script-fields.ts";

/** @param keepAlive as the server writes it */
export function* strikeWire(fault: WireFault, keepAlive: string): Generator<ReplyStep> {
  switch (fault.kind) {
    case "drop":
    case "end":
      yield { type: fault.kind };
      return;
    case "stall":
      yield {
        type: "stall",
        ...(fault.keepAliveEveryMs === undefined ? {} : { keepAliveEveryMs: fault.keepAliveEveryMs }),
      };
      return;
    case "stay-open":
      yield { type: "stall" };
      return;
    case "malformed":
      yield { type: "event", text: `${fault.line ?? 'data: {"choices": [{"delta": {"role": "assist'}\n\n` };
      return;
    case "keep-alive":
      for (let index = 0; index < (fault.times ?? 1); index++) yield { type: "event", text: keepAlive };
      return;
    default:
      fault satisfies never;
  }
}
