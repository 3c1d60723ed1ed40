// Upstreams that get no new requests because somebody who looks after the gateway said so. What runs goes on.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { Candidate } from "./model-routes.ts";

export interface Pauses {
  /** @returns false when it was paused already */
  pause(upstream: string): boolean;
  /** @returns false when it was not paused */
  resume(upstream: string): boolean;
  isPaused(upstream: string): boolean;
  /** Those that are not paused. @throws {GatewayError} `overloaded` when none is left */
  without(candidates: readonly Candidate[]): readonly Candidate[];
}

export function createPauses(): Pauses {
  const paused = new Set<string>();
  return {
    pause(upstream) {
      const isNew = !paused.has(upstream);
      paused.add(upstream);
      return isNew;
    },
    resume: (upstream) => paused.delete(upstream),
    isPaused: (upstream) => paused.has(upstream),
    without(candidates) {
      if (paused.size === 0) return candidates;
      const left = candidates.filter(({ upstream }) => !paused.has(upstream.name));
      if (left.length > 0) return left;
      const name = candidates[0]?.upstream.name ?? "";
      throw new GatewayError(
        "overloaded",
        `Cannot send this request: the upstream "${name}" is paused by whoever runs this gateway`,
        { upstream: name, final: true },
      );
    },
  };
}
