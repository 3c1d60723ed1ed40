// Sessions as they are looked at from any worker. What one of them alone knows of yet it writes when it is sought (follow-fellows.ts).

import type { SessionSource } from "../server/session-routes.ts";
import type { Fellows } from "../workers/fellows.ts";

/** The sessions of all workers, those included whose first answer runs in another one. */
export function sessionsOfAll(
  store: SessionSource["store"],
  fellows: Pick<Fellows, "pass"> | undefined,
): SessionSource["store"] {
  if (fellows === undefined) return store;
  return {
    async getSession(caller, sessionId) {
      const known = await store.getSession(caller, sessionId);
      if (known !== undefined) return known;
      const isElsewhere = await fellows.pass({ kind: "session-sought", caller, sessionId });
      return isElsewhere ? store.getSession(caller, sessionId) : undefined;
    },
    async listSessions(caller, limit) {
      await fellows.pass({ kind: "session-sought", caller, sessionId: undefined });
      return store.listSessions(caller, limit);
    },
  };
}
