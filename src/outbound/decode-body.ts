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
  const coding = response.headers.get("content-encoding");
  const format = coding === null ? undefined : formats.get(coding.trim().toLowerCase());
  if (format === undefined) return response;
  const headers = withoutEncoding(response.headers);
  // The types name only the formats of the standard, and a narrower kind of bytes than it gives.
  const decompressor = new DecompressionStream(format as "gzip") as unknown as ReadableWritablePair<
    Uint8Array,
    Uint8Array
  >;
  return { ...response, headers, body: fromStream(toStream(response.body).pipeThrough(decompressor)) };
}

function withoutEncoding(headers: ResponseHeaders): ResponseHeaders {
  const names = ["content-encoding", "content-length"];
  if (headers instanceof Http1Headers) return headers.without(names);
  return {
    get: (name) => (names.includes(name.toLowerCase()) ? null : headers.get(name)),
    getSetCookie: () => headers.getSetCookie(),
  };
}
