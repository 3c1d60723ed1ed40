// Uploads: credentials for them, the place they are put, and the reading of documents.

import type { Json } from "../contract/json.ts";
import { type Call, refuseCall, textMember } from "./call.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { answerHeaders, jsonAnswer, successEnvelope } from "./envelope.ts";
import { member } from "./request-log.ts";
import { refuseSignature } from "./storage-signature.ts";

const lent = { accessKeyId: "STS.EMULATED", accessKeySecret: "EMULATED", securityToken: "EMULATED" };
const bucket = "qwen-webui-prod";
const region = "ap-southeast-1";
/** As the web client says it (2026-08): of a picture or a document. */
const maxFileBytes = 20 * 1024 * 1024;
/** Films may be larger. */
const maxVideoBytes = 500 * 1024 * 1024;

/** POST /api/v2/files/getstsToken; the v1 address answers the same fields without envelope. */
export function getUploadToken(call: Call, state: EmulatorState): Response {
  const name = textMember(call.body, "filename") ?? textMember(call.body, "file_name");
  const kind = textMember(call.body, "filetype") ?? textMember(call.body, "file_type");
  if (name === undefined || kind === undefined) return refuseCall(call, "invalid-file");
  const told = member(call.body, "filesize") ?? member(call.body, "file_size");
  const size = typeof told === "number" ? told : undefined;
  if (size !== undefined && size > (kind.startsWith("video") ? maxVideoBytes : maxFileBytes)) {
    return refuseCall(call, "invalid-file", { details: "The file is too large!" });
  }
  const { account } = call.caller;
  const { fileId, filePath } = state.files.announce({ account, name, kind, size }, state.idSource);
  const fields: Json = {
    access_key_id: lent.accessKeyId,
    access_key_secret: lent.accessKeySecret,
    security_token: lent.securityToken,
    file_url: `${call.url.origin}/${encodeURI(filePath)}?x-oss-expires=300&x-oss-signature=EMULATED`,
    file_path: filePath,
    file_id: fileId,
    bucketname: bucket,
    region: `oss-${region}`,
    endpoint: call.url.host,
  };
  return call.path.startsWith("/api/v1/")
    ? jsonAnswer(call.requestId, fields)
    : successEnvelope(call.requestId, fields);
}

/** The PUT that follows. Its signature counts, as at the real storage; the presigned address alone is refused, as seen. */
export function putFile(call: Call, state: EmulatorState): Response {
  const { headers } = call.request;
  const file = state.files.findByPath(decodeURIComponent(call.path));
  const key = file?.filePath ?? decodeURIComponent(call.path.slice(1));
  const problem = refuseSignature({ headers, bucket, key, region, nowMs: state.options.clock() }, lent);
  if (problem !== undefined) {
    call.record.refusal = "signature";
    const xml = `<Error><Code>${problem}</Code></Error>`;
    return new Response(xml, { status: 403, headers: answerHeaders(call.requestId, 403, "application/xml") });
  }
  if (file === undefined) return refuseCall(call, "not-found");
  state.files.put(file.fileId, call.bodyBytes, headers.get("content-type") ?? "");
  return new Response(null, { headers: answerHeaders(call.requestId, 200, "text/plain") });
}

export function parseFile(call: Call, state: EmulatorState): Response {
  const fileId = textMember(call.body, "file_id");
  if (fileId === undefined || state.files.find(fileId)?.stored === undefined) return refuseCall(call, "invalid-file");
  state.files.markParsed(fileId);
  return successEnvelope(call.requestId, { file_id: fileId, status: "success" });
}

export function parseFileStatus(call: Call, state: EmulatorState): Response {
  const asked = member(call.body, "file_id_list");
  const ids: unknown[] = Array.isArray(asked) ? asked : [member(call.body, "file_id")];
  const known = ids.flatMap((id) => (typeof id === "string" ? (state.files.find(id) ?? []) : []));
  const statuses = known.map((file) => ({ file_id: file.fileId, status: file.isParsed ? "success" : "pending" }));
  return successEnvelope(call.requestId, statuses);
}

/** An attachment of a message, as far as it is looked at. */
export interface AttachedFile {
  readonly id: string;
  readonly name: string;
  /** `type`, `showType` and `file_class`, as they are sent. */
  readonly kinds: string;
}

/** As captured of a picture in 2026-03; documents by clients of 2026-08. */
const kindsByAnnounced: Readonly<Record<string, readonly string[]>> = {
  image: ["image image vision"],
  video: ["video video video"],
  audio: ["audio audio audio"],
  file: ["file file document", "file file file"],
};
const maxAttachments = 5;

/** Whether the backend takes the attachments of a message; what it has no id of stands elsewhere, and is not looked at. */
export function areSoundFiles(attached: readonly AttachedFile[], account: string, state: EmulatorState): boolean {
  if (attached.length > maxAttachments) return false;
  return attached.every(({ id, kinds }) => {
    if (id === "") return true;
    const file = state.files.find(id);
    if (file?.stored === undefined || file.account !== account) return false;
    if (file.size !== undefined && file.size !== file.stored.bytes) return false;
    const isOfItsKind = kindsByAnnounced[file.kind]?.includes(kinds) ?? true;
    // A document counts when it has been read.
    return isOfItsKind && (file.kind !== "file" || file.isParsed);
  });
}

/** How the made-up model speaks of it: by what arrived, not by what the message says. */
export function describeFile({ id, name }: AttachedFile, state: EmulatorState): string {
  const stored = state.files.find(id)?.stored;
  return stored === undefined ? name : `${name} (${stored.contentType}, ${stored.bytes} bytes)`;
}
