// A request as the bytes of HTTP/1.1.

import type { OutboundRequest } from "./http-client.ts";
import { Http1Error } from "./http1-error.ts";

const encoder = new TextEncoder();
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Latin-1 without control characters: nothing in a value may begin a line of its own. */
const valuePattern = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** @throws {Http1Error} when a header cannot be written */
export function encodeRequest(request: OutboundRequest, url: URL): Uint8Array {
  const body = typeof request.body === "string" ? encoder.encode(request.body) : request.body;
  let head = `${request.method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`;
  for (const [name, value] of Object.entries(request.headers)) {
    if (!tokenPattern.test(name) || !valuePattern.test(value)) throw new Http1Error(`header "${name}" cannot be sent`);
    head += `${name}: ${value}\r\n`;
  }
  if (body !== undefined || request.method === "POST" || request.method === "PUT") {
    head += `content-length: ${body?.length ?? 0}\r\n`;
  }
  return join(encodeLatin1(`${head}connection: keep-alive\r\n\r\n`), body);
}

function encodeLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function join(head: Uint8Array, body: Uint8Array | undefined): Uint8Array {
  if (body === undefined) return head;
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
