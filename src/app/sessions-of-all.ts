// Sessions of all workers: a first answer that still runs stands in the memory of its own worker alone.

import type { SessionSource } from "../server/session-routes.ts";
import type { Store } from "../store/store.ts";
import type { Fellows } from "../workers/fellows.ts";

/** A look at them writes what was kept in this process alone. */
export async function seekSessions(store: Store, caller: string, sessionId: string | undefined): Promise<boolean> {
  if (sessionId !== undefined) return (await store.getSession(caller, sessionId)) !== undefined;
  return (await store.listSessions(caller, 1)).length > 0;
}

/** The sessions of all workers, those included whose first answer runs in another one. */
export function sessionsOfAll(store: Store, fellows: Fellows | undefined): SessionSource["store"] {
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
