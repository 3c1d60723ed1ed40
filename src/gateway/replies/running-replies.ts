// The replies that run now, as a list for whoever looks after the gateway. Ids are made when somebody asks: a reply that
// nobody looks at pays nothing.

import { GatewayError } from "../../contract/gateway-error.ts";
import { randomId } from "../../contract/random-id.ts";
import type { Running } from "../forward/forwarder.ts";
import type { RunningView } from "./running-view.ts";

export interface LiveReply extends RunningView {
  /** As long as it runs; of no other reply of the process. */
  readonly id: string;
}

export interface RunningReplies {
  list(): readonly LiveReply[];
  /** Its client is told so, in its protocol's words. @returns false when nothing of this id runs */
  end(id: string): boolean;
}

export function createRunningReplies(running: ReadonlySet<Running>): RunningReplies {
  const ids = new WeakMap<Running, string>();

  function idOf(reply: Running): string {
    const id = ids.get(reply) ?? `reply-${randomId()}`;
    ids.set(reply, id);
    return id;
  }

  return {
    list: () => Array.from(running, (reply) => ({ id: idOf(reply), ...reply.view })),
    end(id) {
      for (const reply of running) {
        if (ids.get(reply) !== id) continue;
        reply.end(new GatewayError("overloaded", "This reply was ended by whoever runs this gateway", { final: true }));
        return true;
      }
      return false;
    },
  };
}
