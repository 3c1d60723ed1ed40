// What may be wrong with an answer, by the document and by what no answer may hold.

import { Check } from "typebox/schema";
import { secretPattern, stackPattern } from "../hostile/app-under-attack.ts";
import { judgeText, type NamedOperation, type OpenapiDocument, type Schema } from "../openapi.ts";
import type { FuzzAnswer } from "./fuzz-request.ts";
import type { Expectation } from "./operation-cases.ts";

/**
 * @param log what the gateway logged meanwhile
 * @returns one line for each thing that is wrong
 */
export function judgeFuzz(
  document: OpenapiDocument,
  operation: NamedOperation,
  expects: Expectation,
  answer: FuzzAnswer,
  log: string,
): readonly string[] {
  const { status, headers, text } = answer;
  const told = `${JSON.stringify([...headers])}\n${text}`;
  const byDocument =
    status === 405 ? judgeRefusedMethod(document, operation, answer) : judgeText(document, operation, answer);
  return [
    // In a stream it comes behind a status of 200.
    ...(status === 500 || /"(?:code|error_code)":"internal"/.test(text) ? ["a failure of the gateway itself"] : []),
    ...(byDocument === undefined ? [] : [byDocument]),
    ...(isExpected(expects, status) ? [] : [`status ${status} where ${expects} is expected`]),
    ...(/^req_[0-9a-f]{32}$/.test(headers.get("x-request-id") ?? "") ? [] : ["no request id"]),
    ...judgeFrames(operation, answer),
    ...(stackPattern.test(told) ? ["a stack"] : []),
    ...(secretPattern.test(told) ? ["a secret"] : []),
    ...(secretPattern.test(log) ? ["a secret in the log"] : []),
    // Escaped in JSON, but for what nobody wrote as JSON.
    ...(log.includes("\u001b") || log.includes("\u202e") ? ["a control character in the log"] : []),
  ];
}

function isExpected(expects: Expectation, status: number): boolean {
  if (expects === "documented") return true;
  // Who serves it comes before what is wrong with it.
  if (expects === "refused") return (status >= 400 && status < 500) || status === 501;
  // Below a path that takes its rest as a name, the name may be that of nothing.
  return status === expects || (expects === 405 && status === 404) || (expects === 413 && status === 501);
}

/** No operation documents it, for it is of an address and not of one of its operations. */
function judgeRefusedMethod(
  document: OpenapiDocument,
  operation: NamedOperation,
  answer: FuzzAnswer,
): string | undefined {
  const forbidden = operation.responses["403"] ?? {};
  const documented = { ...operation, responses: { ...operation.responses, "405": forbidden } };
  if (answer.headers.get("allow")?.includes(operation.method) !== true) return "no method that is allowed";
  return judgeText(document, documented, answer);
}

/** Frames of the gateway's own protocols are documented, those of others are theirs. */
function judgeFrames(operation: NamedOperation, { status, headers, text }: FuzzAnswer): readonly string[] {
  if (headers.get("content-type")?.split(";")[0] !== "text/event-stream") return [];
  const media = operation.responses[status]?.content?.["text/event-stream"];
  const schema = media?.schema["x-event-data"] as Schema | undefined;
  // The last one may be cut.
  const frames = text.split("\n\n").slice(0, -1);
  return frames.flatMap((frame) => {
    const data = frame
      .split("\n")
      .filter((line) => line.startsWith("data: "))
      .map((line) => line.slice("data: ".length))
      .join("\n");
    if (data === "" || data === "[DONE]") return [];
    return isFrame(schema, data) ? [] : [`a frame out of shape: ${data.slice(0, 300)}`];
  });
}

function isFrame(schema: Schema | undefined, data: string): boolean {
  try {
    const value: unknown = JSON.parse(data);
    return schema === undefined || Check(schema, value);
  } catch {
    return false;
  }
}
