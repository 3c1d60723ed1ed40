// Files as the two protocols that have them write them down.

import type { Json } from "../../contract/json.ts";
import type { KeptFile } from "../../store/file-store.ts";

export interface FileForm {
  encode(file: KeptFile): Json;
  encodeList(files: readonly KeptFile[], hasMore: boolean): Json;
  encodeDeleted(id: string): Json;
}

/** @see https://platform.openai.com/docs/api-reference/files */
export const openaiFiles: FileForm = {
  encode: ({ id, name, purpose, bytes, createdAtMs, expiresAtMs }) => ({
    id,
    object: "file",
    bytes,
    created_at: Math.floor(createdAtMs / 1000),
    expires_at: Math.floor(expiresAtMs / 1000),
    filename: name,
    purpose,
    status: "processed",
    status_details: null,
  }),
  encodeList: (files, hasMore) => ({ object: "list", ...listOf(openaiFiles, files, hasMore) }),
  encodeDeleted: (id) => ({ id, object: "file", deleted: true }),
};

/** @see https://docs.anthropic.com/en/api/files-create */
const anthropicFiles: FileForm = {
  encode: ({ id, name, mediaType, bytes, createdAtMs }) => ({
    id,
    type: "file",
    filename: name,
    mime_type: mediaType,
    size_bytes: bytes,
    created_at: new Date(createdAtMs).toISOString(),
    downloadable: true,
  }),
  encodeList: (files, hasMore) => listOf(anthropicFiles, files, hasMore),
  encodeDeleted: (id) => ({ id, type: "file_deleted" }),
};

function listOf(form: FileForm, files: readonly KeptFile[], hasMore: boolean) {
  return {
    data: files.map(form.encode),
    first_id: files[0]?.id ?? null,
    last_id: files.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

/** Anthropic's clients always say which version they speak. */
export function formOf({ headers }: Request): FileForm {
  return headers.get("anthropic-version") === null ? openaiFiles : anthropicFiles;
}
