// Bodies that a server compressed although it was asked not to: as the platform's own client, plain from here on.

import { fromStream } from "./fetch-client.ts";
import type { OutboundResponse, ResponseHeaders } from "./http-client.ts";
import { Http1Headers } from "./http1-headers.ts";
import { toStream } from "./to-stream.ts";

/** Names of the header to names of the platform; Bun knows two more than the types tell. */
const formats: ReadonlyMap<string, string> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "brotli"],
  ["zstd", "zstd"],
]);

/** An encoding that nobody knows is passed on as it came. */
export function decodeBody(response: OutboundResponse): OutboundResponse {
  const format = formatOf(response.headers);
  if (format === undefined) return response;
  const body = fromStream(toStream(response.body).pipeThrough(decompressor(format)));
  return { ...response, headers: withoutEncoding(response.headers), body };
}

/** The same for an answer of the platform's `fetch` that was asked to leave it packed. */
export function unpackResponse(response: Response): Response {
  const format = formatOf(response.headers);
  if (format === undefined || response.body === null) return response;
  const headers = new Headers(response.headers);
  for (const name of encodingNames) headers.delete(name);
  const { status, statusText } = response;
  return new Response(response.body.pipeThrough(decompressor(format)), { status, statusText, headers });
}

function formatOf(headers: ResponseHeaders): string | undefined {
  const coding = headers.get("content-encoding");
  return coding === null ? undefined : formats.get(coding.trim().toLowerCase());
}

/** The types name only the formats of the standard, and a narrower kind of bytes than it gives. */
function decompressor(format: string): ReadableWritablePair<Uint8Array, Uint8Array> {
  return new DecompressionStream(format as "gzip") as unknown as ReadableWritablePair<Uint8Array, Uint8Array>;
}

const encodingNames = ["content-encoding", "content-length"];

function withoutEncoding(headers: ResponseHeaders): ResponseHeaders {
  if (headers instanceof Http1Headers) return headers.without(encodingNames);
  return {
    get: (name) => (encodingNames.includes(name.toLowerCase()) ? null : headers.get(name)),
    getSetCookie: () => headers.getSetCookie(),
  };
}
