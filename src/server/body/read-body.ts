// Request bodies, read whole and never beyond the limit.

import { GatewayError } from "../../contract/gateway-error.ts";
import { tooLarge } from "../../gateway/forward/upload.ts";

/**
 * @param maxBodyBytes the largest body that is read, in bytes.
 * @throws {GatewayError} `too-large`, before anything is read where the client told the length; `invalid-request` for
 * an encoded body and for one that breaks off.
 */
export function readBody(request: Request, maxBodyBytes: number): Promise<Uint8Array> {
  checkEncoding(request);
  const length = checkLength(request, maxBodyBytes);
  // `request.body` is not even looked at: that makes a stream of it, and 1 MB costs 0.8 ms instead of 0.4.
  const body = length === undefined ? readUnknownLength(request, maxBodyBytes) : request.bytes();
  return body.catch(brokeOff);
}

function brokeOff(error: unknown): never {
  if (error instanceof GatewayError) throw error;
  throw new GatewayError("invalid-request", "Cannot read the request body: it broke off", { cause: error });
}

/** @throws {GatewayError} `invalid-request` */
export function checkEncoding(request: Request): void {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new GatewayError(
    "invalid-request",
    `Cannot read a request body with content-encoding "${encoding.slice(0, 40)}": send it unencoded`,
  );
}

/** @returns the body's length, undefined where the client did not tell it. @throws {GatewayError} `too-large` */
export function checkLength(request: Request, maxBodyBytes: number): number | undefined {
  const length = request.headers.get("content-length");
  if (length === null) return undefined;
  const bytes = Number(length);
  if (bytes > maxBodyBytes) throw tooLarge(maxBodyBytes);
  return bytes;
}

async function readUnknownLength({ body }: Request, maxBodyBytes: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, size);
    size += value.byteLength;
    if (size > maxBodyBytes) {
      // Nobody waits for what else the client has to say; the refusal is the answer.
      reader.cancel().catch(() => {});
      throw tooLarge(maxBodyBytes);
    }
    chunks.push(value);
  }
}
