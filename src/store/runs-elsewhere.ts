// What somebody asks for runs in another process: the failure says in which, for whoever knows the way there.

import { GatewayError } from "../contract/gateway-error.ts";
import type { LeaseOwner } from "./lease-owner.ts";

/** A `GatewayError` of kind `overloaded` for whoever knows no way. */
export class RunsElsewhere extends GatewayError {
  readonly owner: LeaseOwner;

  constructor(message: string, owner: LeaseOwner) {
    super("overloaded", message, { retryable: true, retryAfterMs: 1000 });
    this.owner = owner;
  }
}
