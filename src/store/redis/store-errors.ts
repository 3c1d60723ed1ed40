// What went wrong between the gateway and its shared store, in words that a client may read.

import { GatewayError } from "../../contract/gateway-error.ts";

/** How soon it makes sense to ask again while the store is away. */
const retryAfterMs = 2000;

export class StoreUnreachable extends GatewayError {
  /** Whether the server may have done what it was asked. */
  readonly mayBeDone: boolean;

  constructor({ mayBeDone, cause }: { readonly mayBeDone: boolean; readonly cause?: unknown }) {
    super("overloaded", "Cannot reach the gateway's shared store: send the request again in a moment", {
      retryAfterMs,
      retryable: true,
      cause,
    });
    this.mayBeDone = mayBeDone;
  }
}

/** The first words of what a server says that is alive and does not serve, with what its owner should know. */
const refusals: Readonly<Record<string, string>> = {
  LATE: "it answers too late",
  LOADING: "it is still loading its data",
  BUSY: "it is busy with a script",
  READONLY: "it is a replica, which takes no writes",
  MASTERDOWN: "it is a replica without its primary",
  MISCONF: "it cannot write to its disk",
  OOM: "its memory is full",
  NOAUTH: "it needs a password",
  WRONGPASS: "it refuses the password",
  NOPERM: "its user may not run what the gateway needs",
  MOVED: "it is a cluster, which the gateway cannot use",
  CLUSTERDOWN: "its cluster is down",
  NOREPLICAS: "it has too few replicas to take writes",
};

/** @returns undefined when it is not the server that refuses, but a script that is wrong */
export function refusalOf(error: unknown): { readonly word: string; readonly sentence: string } | undefined {
  const word = error instanceof Error ? (/^-?([A-Z]+)\b/.exec(error.message)?.[1] ?? "") : "";
  const sentence = refusals[word];
  return sentence === undefined ? undefined : { word, sentence };
}

/** It is there, and does not do what it is asked. */
export class StoreRefuses extends GatewayError {
  /** A code that `storageTrouble` knows. */
  readonly code = "STORE_REFUSES";
  /** What its owner should know. */
  readonly sentence: string;

  constructor(sentence: string, cause: unknown) {
    super("overloaded", `Cannot use the gateway's shared store: ${sentence}. Send the request again in a moment`, {
      retryAfterMs,
      retryable: true,
      cause,
    });
    this.sentence = sentence;
  }
}

/** In words that its owner may read; undefined when there was no word of the server. */
export function serversReason(failure: unknown): string | undefined {
  return failure instanceof StoreRefuses ? failure.sentence : refusalOf(failure)?.sentence;
}
