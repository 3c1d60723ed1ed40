// A file to its text.

import { GatewayError } from "../contract/gateway-error.ts";
import { type DocumentFile, fieldOf } from "./document-file.ts";

export interface ReadFile {
  readonly name: string;
  readonly type: string;
  readonly text: string;
  readonly bytes: number;
}

export async function readFile(file: DocumentFile, maxBytes: number, _signal: AbortSignal): Promise<ReadFile> {
  const text = "text" in file ? file.text : new TextDecoder().decode(file.bytes);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes)
    throw new GatewayError("too-large", `Cannot keep a document of more than ${maxBytes} bytes`, {
      param: fieldOf(file),
    });
  return { name: file.name, type: file.type, text, bytes };
}
