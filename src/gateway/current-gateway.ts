// The gateway that the settings of this moment made, for whoever outlives a change of them. What a former one still runs
// ends there.

import type { Gateway } from "./gateway.ts";

/**
 * @param current asked for each request
 * @param all with those that still end their replies
 */
export function createCurrentGateway(current: () => Gateway, all: () => readonly Gateway[]): Gateway {
  return {
    exchange: (surface, incoming) => current().exchange(surface, incoming),
    converse: (surface, composed) => current().converse(surface, composed),
    forget: (caller, sessionId) => current().forget(caller, sessionId),
    forward: (incoming) => current().forward(incoming),
    listModels: (signal, access) => current().listModels(signal, access),
    findModel: (name, signal, access) => current().findModel(name, signal, access),
    showFiles: (request, caller) => current().showFiles(request, caller),
    deleteSession: (caller, sessionId) => current().deleteSession(caller, sessionId),
    sessionDeletedElsewhere: (...deleted) => current().sessionDeletedElsewhere(...deleted),
    sweepSessions: () => current().sweepSessions(),
    openReplies: () => all().reduce((sum, gateway) => sum + gateway.openReplies(), 0),
    queues: () => current().queues(),
    replies: {
      list: () => all().flatMap((gateway) => gateway.replies.list()),
      end: (id) => all().some((gateway) => gateway.replies.end(id)),
    },
    get pauses() {
      return current().pauses;
    },
    get circuits() {
      return current().circuits;
    },
    async drain(deadlineMs) {
      await Promise.all(all().map((gateway) => gateway.drain(deadlineMs)));
    },
  };
}
