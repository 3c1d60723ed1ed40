// Bodies of the agent's routes, checked. How long a query may be is the engine's to say.

import { Type } from "typebox";
import type { JsonObject } from "../contract/json.ts";
import { parseRequestBody } from "../conversation/parse-body.ts";
import { createBodyCheck, optional, withoutNulls } from "../surfaces/check-body.ts";
import type { Decision } from "./engine.ts";

export interface QueryRequest {
  readonly query: string;
  readonly sessionId: string | undefined;
  readonly model: string | undefined;
}

export interface ConfirmRequest {
  readonly confirmationId: string;
  readonly decision: Decision;
  /** Instead of those that were asked about. */
  readonly changed: JsonObject | undefined;
}

const id = Type.String({ minLength: 1, maxLength: 200 });

export const queryBody = Type.Object({
  query: Type.String(),
  session_id: optional(id),
  model: optional(id),
});
const checkQuery = createBodyCheck(queryBody);

export const confirmBody = Type.Object({
  confirmation_id: id,
  decision: Type.Enum(["approve", "reject"]),
  arguments: optional(Type.Record(Type.String(), Type.Unknown())),
});
const checkConfirm = createBodyCheck(confirmBody);

export const cancelBody = Type.Object({ session_id: id });
const checkCancel = createBodyCheck(cancelBody);

/** @throws {GatewayError} `invalid-request` that names the field */
export function parseQuery(body: Uint8Array): QueryRequest {
  const { query, session_id: sessionId, model } = withoutNulls(checkQuery(parseRequestBody(body)));
  return { query, sessionId, model };
}

/** @throws {GatewayError} `invalid-request` that names the field */
export function parseConfirm(body: Uint8Array): ConfirmRequest {
  const {
    confirmation_id: confirmationId,
    decision,
    arguments: changed,
  } = withoutNulls(checkConfirm(parseRequestBody(body)));
  return { confirmationId, decision, changed };
}

/** @returns the session. @throws {GatewayError} `invalid-request` that names the field */
export function parseCancel(body: Uint8Array): string {
  return checkCancel(parseRequestBody(body)).session_id;
}
