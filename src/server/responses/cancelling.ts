// Responses in the background that are ended early, wherever they run.

import type { JsonObject } from "../../contract/json.ts";
import { sleep } from "../../outbound/retry.ts";
import type { LeaseOwner } from "../../store/lease-owner.ts";
import type { StopWishes } from "../../store/stop-wishes.ts";
import type { BackgroundResponses } from "./background.ts";
import { notInBackground, runsInAnotherProcess } from "./errors.ts";
import type { KeptResponses } from "./kept-responses.ts";

export interface CancellingOptions {
  readonly kept: Pick<KeptResponses, "find">;
  readonly background: BackgroundResponses;
  openWishes(): Promise<StopWishes | undefined>;
}

export type CancelResponse = (caller: string, id: string, signal: AbortSignal) => Promise<JsonObject>;

/** How long the end of a response at another gateway is waited for, and how often it is looked for. */
const elsewhereMs = 5000;
const elsewhereLookMs = 200;

export function createCancelling({ kept, background, openWishes }: CancellingOptions): CancelResponse {
  /** @throws {GatewayError} `RunsElsewhere` where no wish reaches the one that runs it */
  async function cancelElsewhere(
    caller: string,
    id: string,
    owner: LeaseOwner,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const wishes = await openWishes();
    if (wishes === undefined) throw runsInAnotherProcess(owner);
    await wishes.wish(id);
    // Told as it is then: cancelling goes on beside, whoever asks again sees its end.
    const untilMs = performance.now() + elsewhereMs;
    let { response } = await kept.find(caller, id);
    while (response["status"] === "in_progress" && performance.now() < untilMs) {
      await sleep(elsewhereLookMs, signal);
      ({ response } = await kept.find(caller, id));
    }
    return response;
  }

  return async (caller, id, signal) => {
    const { response, runsElsewhere } = await kept.find(caller, id);
    if (response["background"] !== true) throw notInBackground();
    if (runsElsewhere !== undefined) return cancelElsewhere(caller, id, runsElsewhere, signal);
    await background.cancel(id);
    return (await kept.find(caller, id)).response;
  };
}
