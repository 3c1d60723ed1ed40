// What an upstream is told beside the request when an attempt opens its reply.

import type { LimitListener } from "../../contract/limits.ts";
import type { OpenContext, Upstream } from "../../contract/upstream.ts";
import type { ExchangeOptions } from "../exchange-options.ts";
import type { Opening } from "./opening.ts";

export function contextFor(
  { name }: Upstream,
  { turn, caller, requestId, identity }: ExchangeOptions,
  opening: Opening,
  limits: LimitListener,
  deadlineMs: number,
): OpenContext {
  return {
    signal: opening.signal,
    caller,
    requestId,
    deadlineMs,
    resume: turn.upstream === name ? turn.resume : undefined,
    limits,
    toldModel: identity.model,
    onWholeAnswer() {
      opening.waitsForWhole = true;
    },
    onNewChat: (chat) => turn.chatMade(name, chat),
  };
}
