// What clients are told of responses that are not there, or cannot be had in the way in which they were asked for.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { LeaseOwner } from "../../store/lease-owner.ts";
import { RunsElsewhere } from "../../store/runs-elsewhere.ts";

export function cannotGoOn(kind: "not-found" | "invalid-request", reason: string): GatewayError {
  return new GatewayError(kind, `Cannot go on from "previous_response_id": ${reason}`, {
    param: "previous_response_id",
  });
}

export function notInBackground(): GatewayError {
  return new GatewayError(
    "invalid-request",
    "Cannot cancel this response: it does not run in the background; hang up instead",
  );
}

export function runsInAnotherProcess(owner: LeaseOwner): RunsElsewhere {
  return new RunsElsewhere("Cannot cancel this response here: it runs in another process of the gateway", owner);
}

export function notStreamed(): GatewayError {
  return new GatewayError(
    "invalid-request",
    'Cannot stream this response: only one that was begun with "background" and "stream" can be resumed',
    { param: "stream" },
  );
}

/** @param error why there is no stream of a response that is there. @returns what takes its place */
export function streamNotFound(error: unknown): unknown {
  if (!(error instanceof GatewayError) || error.kind !== "not-found") return error;
  return new GatewayError(
    "not-found",
    'Cannot stream this response: it was begun without "stream", or its stream is not kept any more',
    { param: "stream", cause: error },
  );
}

export function responseNotFound(): GatewayError {
  return new GatewayError(
    "not-found",
    "Cannot find this response: it has expired, was deleted, was not stored, or never was",
  );
}

/** @param param the field that named it; undefined where its address did */
export function conversationNotFound(param?: string): GatewayError {
  return new GatewayError(
    "not-found",
    "Cannot find this conversation: it has expired, was deleted, or never was",
    param === undefined ? {} : { param },
  );
}

export function itemNotFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this item: it was deleted, or never was in this conversation");
}
