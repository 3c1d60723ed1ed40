// The files of an import out of its request: a form, or JSON with the text in it.

import { Type } from "typebox";
import { GatewayError } from "../../contract/gateway-error.ts";
import { formCharsets } from "../../documents/form-charsets.ts";
import type { DocumentFile } from "../../documents/document-file.ts";
import { createBodyCheck, invalid, optional } from "../../surfaces/check-body.ts";
import { parseForm } from "../body/parse-form.ts";
import { readBody } from "../body/read-body.ts";

/** Of one form. */
const maxFiles = 20;

export const documentBody = Type.Object({
  name: Type.String({ minLength: 1 }),
  text: Type.String(),
  type: optional(Type.String()),
});
const checkBody = createBodyCheck(documentBody);

/** @throws {GatewayError} `invalid-request` with the field named, `too-large` */
export async function readDocumentFiles(request: Request, maxBodyBytes: number): Promise<DocumentFile[]> {
  const body = await readBody(request, maxBodyBytes);
  const contentType = request.headers.get("content-type") ?? "";
  return /^multipart\/form-data\b/i.test(contentType) ? readForm(body, contentType) : [readJson(body)];
}

function readJson(body: Uint8Array): DocumentFile {
  const { name, text, type } = checkBody(parseJson(body));
  return { name, text, type: type ?? "" };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new GatewayError(
      "invalid-request",
      'Cannot read the request: its body is neither a form with a field "file" nor valid JSON',
      { cause },
    );
  }
}

async function readForm(body: Uint8Array, contentType: string): Promise<DocumentFile[]> {
  const fields = (await parseForm(body, contentType)).getAll("file");
  if (fields.length === 0) throw invalid("file", 'Invalid request: "file" is missing');
  if (fields.length > maxFiles) {
    throw invalid("file", `Invalid request: "file" may come ${maxFiles} times at most; import the rest afterwards`);
  }
  const charsets = formCharsets(body, contentType, "file");
  const files: DocumentFile[] = [];
  for (const [index, field] of fields.entries()) {
    if (typeof field === "string") throw invalid("file", 'Invalid request: "file" must be a file, with a name');
    const charset = charsets[index];
    const type = charset === undefined ? field.type : `${field.type.split(";")[0]}; charset=${charset}`;
    files.push({ name: field.name, type, bytes: await field.bytes() });
  }
  return files;
}
