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
  const { leaveChat } = turn;
  return {
    signal: opening.signal,
    caller,
    requestId,
    deadlineMs,
    resume: turn.upstream === name ? turn.resume : undefined,
    limits,
    toldModel: identity.model,
    ...(leaveChat !== undefined && {
      leaveChat: (account: string, chatId: string) => leaveChat({ upstream: name, account, chatId }),
    }),
    onWholeAnswer() {
      opening.waitsForWhole = true;
    },
  };
}
