// Whether the answer of a forwarded request is a good one: by its status, its type and its beginning. A good one goes on as
// it came.

import type { ByteSource } from "../../../contract/byte-source.ts";
import { holdBeginning } from "../../../outbound/held-source.ts";
import { type OutboundResponse, readText } from "../../../outbound/http-client.ts";
import { parseObject } from "../../parse-object.ts";
import { isErrorAnswer, isPage, readStreamError } from "../refusals/error-body.ts";
import { type AnswerFacts, classifyAnswer, refusalOf, type RefusalSource } from "../refusals/errors.ts";
import { UpstreamRefusal } from "../refusals/refusal.ts";

/** Errors under a good status are no longer, and neither are refusals. */
const maxErrorBytes = 64 * 1024;

/**
 * @returns the body, as bytes when it is whole already; "missing" when the server has nothing at that address, or nothing that does it
 * @throws {UpstreamRefusal} classified
 */
export async function judgeAnswer(
  response: OutboundResponse,
  facts: AnswerFacts,
  source: RefusalSource,
  signal: AbortSignal,
): Promise<ByteSource | Uint8Array | "missing"> {
  const { status, contentType } = facts;
  if (status < 200 || status >= 300) {
    const refusal = classifyAnswer(await readText(response.body, maxErrorBytes, signal), facts, source);
    if (refusal.reason === "not-offered") return "missing";
    if (refusal.reason !== "not-an-api") throw refusal;
    if (status === 404 || status === 405) return "missing";
    throw foreign(refusal, source);
  }
  if (contentType.includes("text/event-stream")) return judgeStream(response, facts, source, signal);
  if (contentType.includes("json")) return judgeJson(response, facts, source, signal);
  if (isHtml(contentType)) return judgeHtml(response, facts, source, signal);
  return response.body;
}

/** Short ones are read whole: an error may stand in them. */
async function judgeJson(
  response: OutboundResponse,
  facts: AnswerFacts,
  source: RefusalSource,
  signal: AbortSignal,
): Promise<ByteSource | Uint8Array> {
  const held = await holdBeginning(response.body, maxErrorBytes, signal);
  if (!held.isWhole) return held;
  const { bytes } = held;
  const text = new TextDecoder().decode(bytes);
  const object = parseObject(text);
  // Some rerankers answer with a bare list.
  const isList = object === undefined && /^\s*\[/.test(text);
  if (!isList && (object === undefined || isErrorAnswer(object))) {
    held.cancel();
    const refusal = classifyAnswer(text, facts, source);
    throw refusal.reason === "not-an-api" ? foreign(refusal, source) : refusal;
  }
  return bytes;
}

/** A page is a firewall's or a login's. whisper.cpp calls its plain texts so, too (server.cpp, 2026). */
async function judgeHtml(
  response: OutboundResponse,
  facts: AnswerFacts,
  source: RefusalSource,
  signal: AbortSignal,
): Promise<ByteSource> {
  const held = await holdBeginning(response.body, maxErrorBytes, signal);
  const text = new TextDecoder().decode(held.bytes);
  const object = parseObject(text);
  const isError = object !== undefined && isErrorAnswer(object);
  if (text.trim() !== "" && !isPage(text) && !isError) return held;
  held.cancel();
  const refusal = classifyAnswer(text, facts, source);
  throw refusal.reason === "not-an-api" ? foreign(refusal, source) : refusal;
}

/** The type that a client is told: nothing of an upstream's is a page of the gateway's own. */
export function toldType(contentType: string | undefined): string | undefined {
  return contentType !== undefined && isHtml(contentType) ? "text/plain; charset=utf-8" : contentType;
}

function isHtml(contentType: string): boolean {
  return /text\/html/i.test(contentType);
}

/** A stream that begins with its error is refused while there is a status to say so. */
async function judgeStream(
  response: OutboundResponse,
  facts: AnswerFacts,
  source: RefusalSource,
  signal: AbortSignal,
): Promise<ByteSource> {
  const held = await holdBeginning(response.body, 1, signal);
  const text = new TextDecoder().decode(held.bytes);
  const first = /^(?:event: ?(\S+)\r?\n)?data: ?(\{.*\})\r?$/m.exec(text);
  const event = first?.[2] === undefined ? undefined : parseObject(first[2]);
  if (event === undefined || readStreamError(event, first?.[1] === "error") === undefined) return held;
  held.cancel();
  throw classifyAnswer(text, facts, source);
}

function foreign(cause: UpstreamRefusal, source: RefusalSource): UpstreamRefusal {
  const { message } = refusalOf(
    "not-an-api",
    "answered with something that is not an answer of this endpoint: check its base URL, and any proxy in between",
    source,
  );
  return new UpstreamRefusal("not-an-api", message, { upstream: source.upstream, cause });
}
