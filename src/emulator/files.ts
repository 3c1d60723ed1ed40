// Uploads: credentials for them, and the place they are put.

import type { Json } from "../contract/json.ts";
import { type Call, refuseCall, textMember } from "./call.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { answerHeaders, jsonAnswer, successEnvelope } from "./envelope.ts";
import { member } from "./request-log.ts";

/** POST /api/v2/files/getstsToken; the v1 address answers the same fields without envelope. */
export function getUploadToken(call: Call, state: EmulatorState): Response {
  const name = textMember(call.body, "filename") ?? textMember(call.body, "file_name");
  const type = textMember(call.body, "filetype") ?? textMember(call.body, "file_type");
  if (name === undefined || type === undefined) return refuseCall(call, "invalid-file");
  const { fileId, filePath } = state.files.announce(call.caller.account, name, state.idSource);
  const fields: Json = {
    access_key_id: "STS.EMULATED",
    access_key_secret: "EMULATED",
    security_token: "EMULATED",
    file_url: `${call.url.origin}/${encodeURI(filePath)}?x-oss-expires=300&x-oss-signature=EMULATED`,
    file_path: filePath,
    file_id: fileId,
    bucketname: "qwen-webui-prod",
    region: "oss-ap-southeast-1",
    endpoint: call.url.host,
  };
  return call.path.startsWith("/api/v1/")
    ? jsonAnswer(call.requestId, fields)
    : successEnvelope(call.requestId, fields);
}

/** The PUT that follows. A signature is asked for but not checked; the presigned address alone is refused, as seen. */
export function putFile(call: Call, state: EmulatorState): Response {
  if (!call.request.headers.has("authorization")) {
    call.record.refusal = "signature";
    const xml = "<Error><Code>SignatureDoesNotMatch</Code></Error>";
    return new Response(xml, { status: 403, headers: answerHeaders(call.requestId, 403, "application/xml") });
  }
  if (!state.files.put(decodeURI(call.path), call.bodyText)) return refuseCall(call, "not-found");
  return new Response(null, { headers: answerHeaders(call.requestId, 200, "text/plain") });
}

export function parseFile(call: Call, state: EmulatorState): Response {
  const fileId = textMember(call.body, "file_id");
  if (fileId === undefined || !state.files.has(fileId)) return refuseCall(call, "invalid-file");
  return successEnvelope(call.requestId, { file_id: fileId, status: "success" });
}

export function parseFileStatus(call: Call, state: EmulatorState): Response {
  const asked = member(call.body, "file_id_list");
  const ids: unknown[] = Array.isArray(asked) ? asked : [member(call.body, "file_id")];
  const known = ids.filter((id) => typeof id === "string").filter((id) => state.files.has(id));
  const statuses = known.map((id) => ({ file_id: id, status: "success" }));
  return successEnvelope(call.requestId, statuses);
}
