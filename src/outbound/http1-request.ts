// A request as the bytes of HTTP/1.1.

import type { OutboundRequest } from "./http-client.ts";
import { Http1Error } from "./http1-error.ts";
import type { RequestTarget } from "./request-target.ts";

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Latin-1 without control characters: nothing in a value may begin a line of its own. */
const valuePattern = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** A request whose body is there. */
export type HeldRequest = Omit<OutboundRequest, "body"> & {
  readonly body?: Exclude<OutboundRequest["body"], ReadableStream>;
};

/** A longer piece is written by itself: of shorter ones a write less costs less than a copy of them. */
const maxJoinedBytes = 64 * 1024;

/**
 * @param lastingFields what `encodeFields` made of the request's lasting headers
 * @throws {Http1Error} when a header cannot be written
 */
export function encodeRequest(
  request: HeldRequest,
  target: Pick<RequestTarget, "host" | "path">,
  lastingFields = "",
): readonly Uint8Array[] {
  const { body } = request;
  const bodyBytes = sizeOf(body);
  const fields = encodeFields(request.headers);
  const hasLength = body !== undefined || request.method === "POST" || request.method === "PUT";
  const length = hasLength ? `content-length: ${bodyBytes}\r\n` : "";
  const connection = request.isLast === true ? "close" : "keep-alive";
  const hasHost = request.headers["host"] !== undefined || request.lastingHeaders?.["host"] !== undefined;
  const host = hasHost ? "" : `host: ${target.host}\r\n`;
  const head = `${request.method} ${target.path} HTTP/1.1\r\n${host}${lastingFields}${fields}${length}connection: ${connection}\r\n\r\n`;
  if (bodyBytes > maxJoinedBytes && typeof body === "object") {
    return joinShort([Buffer.from(head, "latin1"), ...(body instanceof Uint8Array ? [body] : body)]);
  }
  // Head and body in one piece, which is one write, each encoded once.
  const bytes = Buffer.allocUnsafe(head.length + bodyBytes);
  bytes.write(head, "latin1");
  writeBody(bytes, body, head.length);
  return [bytes];
}

/** The same bytes: what stands between long pieces is one piece. */
function joinShort(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const joined: Uint8Array[] = [];
  let short: Uint8Array[] = [];
  const endShort = (): void => {
    if (short.length > 0) joined.push(short.length === 1 ? short[0]! : Buffer.concat(short));
    short = [];
  };
  for (const piece of pieces) {
    if (piece.length > maxJoinedBytes) {
      endShort();
      joined.push(piece);
    } else if (piece.length > 0) short.push(piece);
  }
  endShort();
  return joined;
}

/** A line for each header. @throws {Http1Error} when one of them cannot be written */
export function encodeFields(headers: OutboundRequest["headers"]): string {
  let fields = "";
  for (const name in headers) {
    const value = headers[name] ?? "";
    if (!tokenPattern.test(name) || !valuePattern.test(value)) {
      throw new Http1Error(`header "${name}" cannot be sent`);
    }
    fields += `${name}: ${value}\r\n`;
  }
  return fields;
}

type Body = HeldRequest["body"];

function sizeOf(body: Body): number {
  if (body === undefined) return 0;
  if (typeof body === "string") return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.length : body.reduce((size, piece) => size + piece.length, 0);
}

function writeBody(bytes: Buffer, body: Body, start: number): void {
  if (body === undefined) return;
  if (typeof body === "string") return void bytes.write(body, start);
  if (body instanceof Uint8Array) return bytes.set(body, start);
  let at = start;
  for (const piece of body) {
    bytes.set(piece, at);
    at += piece.length;
  }
}
