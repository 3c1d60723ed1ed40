// Errors in the shapes of OpenAI and of Anthropic, as answers and as frames.

import { at, isObject, isText, Problems } from "./problems.ts";

/** @see https://platform.openai.com/docs/guides/error-codes */
export function mustBeOpenAIError(value: unknown, problems: Problems): void {
  const error = at(value, "error");
  problems.must(isObject(error), "an error is no object");
  problems.must(isText(at(error, "message")), "an error has no message");
  problems.must(isText(at(error, "type")), "an error has no type");
  problems.must(isTextOrNull(at(error, "param")), "an error has no param");
  problems.must(isTextOrNull(at(error, "code")), "an error has no code");
}

const statusOfType: Readonly<Record<string, readonly number[]>> = {
  invalid_request_error: [400, 405, 426],
  authentication_error: [401],
  permission_error: [403],
  not_found_error: [404, 410],
  request_too_large: [413, 431],
  rate_limit_error: [429],
  api_error: [500, 501, 502, 503],
  timeout_error: [504],
  overloaded_error: [529],
};

/**
 * @param status undefined: a frame, whose status is gone
 * @see https://docs.anthropic.com/en/api/errors
 */
export function checkAnthropicError(value: unknown, status: number | undefined): string[] {
  const problems = new Problems();
  problems.must(at(value, "type") === "error", 'an error has not the type "error"');
  const type = at(value, "error", "type");
  problems.must(isText(type), "an error has no type of its own");
  problems.must(isText(at(value, "error", "message")), "an error has no message");
  if (status === undefined) return problems.found;
  problems.must(isText(at(value, "request_id")), "an error answer has no request_id");
  const statuses = statusOfType[String(type)] ?? [];
  problems.must(statuses.includes(status), `the type ${String(type)} came with the status ${status}`);
  return problems.found;
}

/** Official clients choose the class of an error by its status. */
export function checkOpenAIStatus(value: unknown, status: number): string[] {
  const problems = new Problems();
  mustBeOpenAIError(value, problems);
  problems.must(status >= 400, `an error came with the status ${status}`);
  return problems.found;
}

function isTextOrNull(value: unknown): boolean {
  return value === null || isText(value);
}
