// A multipart form out of a body that was read.

import { GatewayError } from "../../contract/gateway-error.ts";

/** Its type has two homes that do not agree. */
export type Form = Awaited<ReturnType<Response["formData"]>>;

/** @throws {GatewayError} `invalid-request` */
export async function parseForm(body: Uint8Array, contentType: string): Promise<Form> {
  try {
    return await new Response(body, { headers: { "content-type": contentType } }).formData();
  } catch (cause) {
    throw new GatewayError("invalid-request", "Cannot read the request: its form is malformed", { cause });
  }
}
