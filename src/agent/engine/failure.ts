// Why a run ends badly, in a word for programs and a sentence for people.

import { type GatewayError, toGatewayError } from "../../contract/gateway-error.ts";
import { openaiErrorBody } from "../../contract/openai-error.ts";

/** Beside these, the codes of the model's upstream, such as `upstream_failed`. */
export type FailureCode =
  | "timeout"
  | "cancelled"
  | "no_tools"
  | "command_failed"
  | "step_limit"
  | "token_limit"
  | "tool_changed"
  | "question_expired";

export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Ends the run that it is thrown in. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RunFailure) return { code: error.code, message: error.message };
  const known: GatewayError = toGatewayError(error);
  return { code: openaiErrorBody(known).error.code ?? known.kind, message: known.message };
}
