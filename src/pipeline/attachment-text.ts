// The text of an attachment, in the encoding that its first bytes or its type name.

import { GatewayError } from "../contract/gateway-error.ts";
import { encodingOf } from "../documents/decode-text.ts";
import type { Attachment } from "../store/chat-store.ts";

/** As good as it can be read: what is kept was checked, or is older than the check. */
export function textOf(attachment: Attachment): string {
  const { type, bytes } = partsOf(attachment);
  return new TextDecoder(encodingOf(bytes, type) ?? "utf-8").decode(bytes);
}

/** @throws {GatewayError} `invalid-request` for what is no base64, or no text in its encoding: nothing is guessed */
export function checkText(attachment: Attachment, field: string): void {
  // What else stands there would be passed over by the decoder, and the text would be another one.
  if (/[^\w+/=\s-]/.test(dataOf(attachment))) throw unreadable(field, "is not base64");
  const { type, bytes } = partsOf(attachment);
  const encoding = encodingOf(bytes, type);
  if (encoding === undefined) throw unreadable(field, "names a charset that is unknown here: save it as UTF-8");
  try {
    new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    const advice = encoding === "utf-8" ? ": save it as UTF-8, or name its charset in its type" : "";
    throw unreadable(field, `is not text in ${encoding}${advice}`, cause);
  }
}

function partsOf(attachment: Attachment): { readonly type: string; readonly bytes: Uint8Array } {
  const { url } = attachment;
  return { type: url.slice(0, url.indexOf(",")), bytes: Buffer.from(dataOf(attachment), "base64") };
}

function dataOf({ url }: Attachment): string {
  return url.slice(url.indexOf(",") + 1);
}

function unreadable(param: string, reason: string, cause?: unknown): GatewayError {
  return new GatewayError("invalid-request", `Invalid request: "${param}" ${reason}`, { param, cause });
}
