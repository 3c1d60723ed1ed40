// What other workers of the gateway say, applied to what this one has.

import { ConfigError } from "../config/config-error.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Reloaded } from "../server/admin/admin-parts.ts";
import type { Fellows } from "../workers/fellows.ts";
import type { Note, Switch } from "../workers/messages.ts";
import type { Estate } from "./compose-service.ts";

export function followFellows(fellows: Fellows, estate: Estate): void {
  fellows.onChange((change) => applySwitch(change, estate));
  fellows.onNote((note) => hearNote(note, estate));
  // Who continues what another worker had begun need not wait until that one's lease is over.
  fellows.onRoster(() => fellows.isKeeper && void estate.store.freeDead?.());
}

/**
 * Has all workers read the settings again.
 * @throws {ConfigError | GatewayError} when they cannot be used: everything is as it was
 */
export async function reloadAll(fellows: Pick<Fellows, "reload">): Promise<Reloaded> {
  const outcome = await fellows.reload();
  if ("problems" in outcome) throw new ConfigError(outcome.problems);
  if ("reason" in outcome) throw new GatewayError("overloaded", outcome.reason, { retryAfterMs: 1000 });
  return outcome;
}

async function applySwitch(change: Switch, { ledger, capture, clock }: Estate): Promise<void> {
  switch (change.kind) {
    case "pause":
      ledger.pauses[change.isOn ? "pause" : "resume"](change.upstream);
      return;
    case "capture":
      if (change.untilMs === null) capture.unwatchSession(change.sessionId);
      else await capture.watchSession(change.sessionId, change.untilMs - clock());
      return;
    default:
      change satisfies never;
  }
}

/** @returns whether it is about something of which nobody else could know that it was here */
function hearNote(
  note: Note,
  { gateway, ledger, vault, responses, quotas, store }: Estate,
): boolean | Promise<boolean> {
  switch (note.kind) {
    case "leaving-turn":
      ledger.leaving.heard(note);
      return false;
    case "forgotten":
      void responses.stopForgotten(note.id);
      void vault.stopForgotten(note.caller, note.id);
      return false;
    case "session-forgotten":
      responses.sessionForgotten(note.caller, note.sessionId, note.atMs);
      return gateway.sessionDeletedElsewhere(note.caller, note.sessionId, note.atMs);
    case "session-sought":
      return seekSessions(store, note.caller, note.sessionId);
    case "limits-reset":
      quotas.wasReset(note.subject);
      return false;
    default:
      note satisfies never;
      return false;
  }
}

/** A look at them writes what was kept in this process alone. */
async function seekSessions(store: Estate["store"], caller: string, sessionId: string | undefined): Promise<boolean> {
  if (sessionId !== undefined) return (await store.getSession(caller, sessionId)) !== undefined;
  return (await store.listSessions(caller, 1)).length > 0;
}
