// Responses that are deleted, by themselves or with the session that they were made in: with each goes what still runs of it.

import type { Clock } from "../../contract/clock.ts";
import type { Replays } from "../../replay/replays.ts";
import type { StopWishes } from "../../store/stop-wishes.ts";
import type { Log } from "../../telemetry/log.ts";
import type { BackgroundResponses } from "./background.ts";
import { responseNotFound } from "./errors.ts";
import type { KeptResponses } from "./kept-responses.ts";
import type { Moment, UnwantedResponses } from "./unwanted.ts";

export interface ForgettingOptions {
  readonly kept: KeptResponses;
  readonly background: BackgroundResponses;
  readonly unwanted: UnwantedResponses;
  openReplays(): Promise<Replays>;
  openWishes(): Promise<StopWishes | undefined>;
  readonly forgottenHere: ((caller: string, id: string) => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Forgetting {
  /**
   * Notes which session an answer was made in. Where it cannot be noted the response stays when its session goes, which is told.
   * @returns false when its session is gone already: the response is forgotten, or will not be kept
   */
  linkSession(caller: string, id: string, answer: Response, moment: Moment): Promise<boolean>;
  /** Of one that is forgotten: what still runs, and its stream. */
  endAll(caller: string, id: string): Promise<void>;
  /** @throws {GatewayError} `not-found`, for another caller as well */
  forget(caller: string, id: string): Promise<void>;
  /** @returns whether there was one that was made in it */
  forgetSession(caller: string, sessionId: string): Promise<boolean>;
}

/** The session that the gateway tells with an answer. */
const sessionHeader = "x-session-id";

export function createForgetting(options: ForgettingOptions): Forgetting {
  const { kept, background, unwanted, openReplays, openWishes, clock, log } = options;

  async function forgetKept(caller: string, id: string): Promise<boolean> {
    return (await kept.storeFor(id)).forget(caller, id);
  }

  async function endAll(caller: string, id: string): Promise<void> {
    await background.cancel(id);
    await (await openReplays()).forget(caller, id);
    options.forgottenHere?.(caller, id);
    await (await openWishes())?.wish(id);
  }

  return {
    async linkSession(caller, id, { headers }, moment) {
      const sessionId = headers.get(sessionHeader);
      if (sessionId === null) return true;
      try {
        const ageMs = clock() - moment.atMs;
        const isWanted =
          !unwanted.isDeletedSince(moment, caller, sessionId) &&
          (await (await kept.openStore()).linkSession(caller, id, sessionId, ageMs));
        if (!isWanted && !(await forgetKept(caller, id))) unwanted.note(id);
        return isWanted;
      } catch (error) {
        log.error("Cannot note the session of a response", { responseId: id }, error);
        return true;
      }
    },
    endAll,
    async forget(caller, id) {
      if (!(await forgetKept(caller, id))) throw responseNotFound();
      await endAll(caller, id);
    },
    async forgetSession(caller, sessionId) {
      unwanted.noteDeleted(caller, sessionId);
      const ids = await (await kept.openStore()).takeSession(caller, sessionId);
      // The newest first: an older one would hand on what they share before they go themselves.
      for (const id of ids.toSorted().reverse()) {
        const wasKept = await forgetKept(caller, id);
        if (!wasKept) unwanted.note(id);
        await endAll(caller, id);
        // Before the others were told it may have been kept.
        if (!wasKept) await forgetKept(caller, id);
      }
      return ids.length > 0;
    },
  };
}
