// The way out: one interface for every request to an upstream, with the body as a byte source. The transport stands behind it.

import type { ByteSource } from "../contract/byte-source.ts";
import { GatewayError } from "../contract/gateway-error.ts";

export interface OutboundRequest {
  readonly method: "GET" | "POST" | "DELETE" | "PUT";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Pieces are sent as one body. A stream is sent as it comes; its length stands in `content-length`, if it is known. */
  readonly body?: string | Uint8Array | readonly Uint8Array[] | ReadableStream<Uint8Array>;
  /** Ends the request at any time, the body included. */
  readonly signal: AbortSignal;
}

/** What is read of an answer's headers, by names in lower case. */
export type ResponseHeaders = Pick<Headers, "get" | "getSetCookie">;

export interface OutboundResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: ByteSource;
}

export interface HttpClient {
  /**
   * Resolves with the head; the body has not been read.
   * @throws the signal's reason when it is aborted, else a GatewayError `upstream-failed` that may be retried.
   */
  send(request: OutboundRequest): Promise<OutboundResponse>;
}

/**
 * Reads a whole body as text.
 * @param maxBytes beyond it the rest is given up and what came is returned
 */
export function readText(body: ByteSource, maxBytes: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let decoder: TextDecoder | undefined;
    let text = "";
    let received = 0;
    const stop = (): void => {
      signal.removeEventListener("abort", onAbort);
      body.cancel();
    };
    const onAbort = (): void => {
      stop();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    body.start({
      chunk(bytes) {
        received += bytes.length;
        decoder ??= new TextDecoder();
        text += decoder.decode(bytes, { stream: true });
        if (received >= maxBytes) {
          stop();
          resolve(text);
        }
      },
      end() {
        stop();
        resolve(decoder === undefined ? text : text + decoder.decode());
      },
      fail(error) {
        stop();
        reject(connectionError("Cannot read the answer of the upstream", error));
      },
    });
  });
}

/** A transport's failure as an error that clients may read; the transport's own words stay in `cause`. */
export function connectionError(action: string, cause: unknown): GatewayError {
  const code = errorCode(cause);
  return new GatewayError("upstream-failed", `${action}: ${explain(code)}`, { cause, retryable: true });
}

/** "" where the error has none. */
export function errorCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

function explain(code: string): string {
  switch (code) {
    case "ECONNREFUSED":
    case "ConnectionRefused":
      return "nothing answers at its address";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "its name cannot be resolved";
    case "ECONNRESET":
    case "ConnectionClosed":
      return "the connection was closed";
    default:
      return code.includes("CERT") ? "its certificate is not trusted" : "the connection failed";
  }
}
