// One round over the candidates of an exchange: each that is well, until a reply of one begins.

import { toGatewayError } from "../../contract/gateway-error.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Breaker } from "./breaker.ts";
import { createRound, isWorthMoving, moreHopeful, type Round } from "./failover.ts";
import type { Candidate } from "./model-routes.ts";

/** Whose round it is. */
export interface Asker {
  /** Those that are well, the one to be asked first first. */
  order(well: readonly Candidate[]): readonly Candidate[];
  /** Resolves when its reply has begun. */
  ask(candidate: Candidate): Promise<void>;
  /** Nobody waits for the answer any more. */
  readonly hasLeft: boolean;
  /** Another candidate may be asked yet. */
  readonly hasTime: boolean;
  /** All failed: what is told is its failure. */
  attribute(candidate: Candidate): void;
}

interface RoundOptions {
  readonly breaker?: Breaker;
  readonly log: Log;
  readonly requestId: string;
}

/** @param candidates one at least. @throws what may be repeated of all that failed, else what the last failed by */
export async function askCandidates(
  candidates: readonly Candidate[],
  options: RoundOptions,
  asker: Asker,
): Promise<void> {
  const { breaker } = options;
  const order = asker.order(breaker?.choose(candidates) ?? candidates);
  let others: Round<Candidate> | undefined;
  let told: { readonly error: unknown; readonly candidate: Candidate } | undefined;
  for (let candidate = order[0]!; ;) {
    const asked = breaker?.ask(candidate);
    try {
      await asker.ask(candidate);
      asked?.succeeded();
      return;
    } catch (error) {
      const failure = toGatewayError(error);
      if (asker.hasLeft) asked?.left();
      else asked?.failed(failure.kind);
      others ??= behindFirst(order, candidates, breaker);
      const next = others.next(failure);
      if (asker.hasLeft || !isWorthMoving(failure)) throw error;
      if (told === undefined || moreHopeful(told.error, error) === error) told = { error, candidate };
      if (next === undefined || !asker.hasTime) {
        asker.attribute(told.candidate);
        throw told.error;
      }
      options.log.info("Another upstream is asked", {
        requestId: options.requestId,
        upstream: next.upstream.name,
        after: candidate.upstream.name,
        kind: failure.kind,
      });
      candidate = next;
    }
  }
}

function behindFirst(
  order: readonly Candidate[],
  all: readonly Candidate[],
  breaker: Breaker | undefined,
): Round<Candidate> {
  const passedOver = all.filter((candidate) => !order.includes(candidate));
  const round = createRound([...order, ...passedOver], breaker?.choose);
  round.next();
  return round;
}
