// How a file is refused that cannot be read.

import { GatewayError } from "../contract/gateway-error.ts";
import { type DocumentFile, fieldOf } from "./document-file.ts";

/** @param reason goes on behind the name of the field, and holds nothing of the file. */
export function unreadable(file: DocumentFile, reason: string, cause?: unknown): GatewayError {
  const field = fieldOf(file);
  return new GatewayError("invalid-request", `Cannot read the document: ${field} ${reason}`, { param: field, cause });
}
