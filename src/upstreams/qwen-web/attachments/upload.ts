// A file into the storage that the backend names, and there, where it is a document, read: afterwards a message can carry
// it.

import { GatewayError } from "../../../contract/gateway-error.ts";
import type { JsonObject } from "../../../contract/json.ts";
import type { Account } from "../../../credentials/account.ts";
import { type HttpClient, readText } from "../../../outbound/http-client.ts";
import { sleep } from "../../../outbound/retry.ts";
import type { QwenFile } from "../../../wire/qwen-web.ts";
import type { QwenWebClient } from "../client.ts";
import { upstreamName } from "../errors.ts";
import { encodeKey, signUpload } from "./oss-signature.ts";

export interface UploadOptions {
  readonly client: QwenWebClient;
  readonly http: HttpClient;
  /** Without a slash at its end. Undefined: the storage that the backend names. */
  readonly storageUrl: string | undefined;
  readonly clock: () => number;
}

/** As observed on chat.qwen.ai, 2026-08: pictures and documents are taken up to this size. */
const maxFileBytes = 20 * 1024 * 1024;
/** As its web client says of films, 2026-08. */
const maxVideoBytes = 500 * 1024 * 1024;
const parsePollMs = 500;

export interface OutgoingFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly kind: "image" | "audio" | "video" | "document";
}

/**
 * Uploads a file and, of a document, waits until the backend has read it.
 * @throws {GatewayError} when any step of it fails
 */
export async function uploadFile(
  options: UploadOptions,
  account: Account,
  file: OutgoingFile,
  signal: AbortSignal,
): Promise<QwenFile> {
  const { client, clock } = options;
  const { name, bytes, kind } = file;
  const maxBytes = kind === "video" ? maxVideoBytes : maxFileBytes;
  if (bytes.length > maxBytes) throw failed(`the file would be larger than ${maxBytes} bytes`);
  const { type } = wordsOf[kind];
  const place = readPlace(await client.getUploadToken(account, { name, type, sizeBytes: bytes.length }, signal));
  await put(options, place, file, signal);
  if (kind === "document") await parse(client, account, place.fileId, signal);
  return attachment(place, file, clock());
}

async function parse(client: QwenWebClient, account: Account, fileId: string, signal: AbortSignal): Promise<void> {
  await client.parseFile(account, fileId, signal);
  for (;;) {
    const status = await client.parseStatus(account, fileId, signal);
    if (status === "success") return;
    if (status === "failed" || status === "error") throw failed("Qwen could not read the file");
    await sleep(parsePollMs, signal);
  }
}

async function put(
  options: UploadOptions,
  place: Place,
  { bytes, mediaType: contentType }: OutgoingFile,
  signal: AbortSignal,
): Promise<void> {
  const { bucket, key, region, endpoint, credentials } = place;
  const url = `${options.storageUrl ?? `https://${bucket}.${endpoint}`}/${encodeKey(key)}`;
  if (!URL.canParse(url)) throw failed("the storage that Qwen named has no address that can be asked");
  const response = await options.http.send({
    method: "PUT",
    url,
    headers: signUpload({ bucket, key, region, contentType, nowMs: options.clock() }, credentials),
    body: bytes,
    signal,
    // Its signature is that of this file.
    isLast: true,
  });
  const answer = await readText(response.body, 4096, signal);
  if (response.status < 300) return;
  const retryable = response.status >= 500;
  throw failed(`the storage answered ${response.status}`, { cause: new Error(answer.slice(0, 500)), retryable });
}

/** Where the file goes, and with whose leave. */
interface Place {
  readonly fileId: string;
  readonly bucket: string;
  readonly key: string;
  readonly region: string;
  readonly endpoint: string;
  /** Where the backend itself reads it. */
  readonly url: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly accessKeySecret: string;
    readonly securityToken: string;
  };
}

/** As captured on 2026-03-04; the region has the storage's own prefix. */
function readPlace(token: JsonObject): Place {
  const field = (name: string): string => {
    const value = token[name];
    if (typeof value !== "string" || value === "") throw failed(`Qwen named no ${name}`);
    return value;
  };
  return {
    fileId: field("file_id"),
    bucket: field("bucketname"),
    key: field("file_path"),
    region: field("region").replace(/^oss-/, ""),
    endpoint: field("endpoint"),
    url: field("file_url"),
    credentials: {
      accessKeyId: field("access_key_id"),
      accessKeySecret: field("access_key_secret"),
      securityToken: field("security_token"),
    },
  };
}

/** What each kind is called: where it is announced, and in the message. Captured of pictures (2026-03), else by clients of 2026-08. */
const wordsOf = {
  image: { type: "image", fileClass: "vision", greenNet: "greening" },
  video: { type: "video", fileClass: "video", greenNet: "success" },
  audio: { type: "audio", fileClass: "audio", greenNet: "success" },
  document: { type: "file", fileClass: "document", greenNet: "success" },
} as const;

function attachment(place: Place, { name, bytes, mediaType, kind }: OutgoingFile, nowMs: number): QwenFile {
  const { type, fileClass, greenNet } = wordsOf[kind];
  const size = bytes.length;
  return {
    type,
    file: {
      created_at: nowMs,
      data: {},
      filename: name,
      hash: null,
      id: place.fileId,
      meta: { name, size, content_type: mediaType },
      update_at: nowMs,
    },
    id: place.fileId,
    url: place.url,
    name,
    collection_name: "",
    progress: 0,
    status: "uploaded",
    greenNet,
    size,
    error: "",
    itemId: crypto.randomUUID(),
    file_type: mediaType,
    showType: type,
    file_class: fileClass,
    uploadTaskId: crypto.randomUUID(),
  };
}

function failed(reason: string, options: { readonly cause?: Error; readonly retryable?: boolean } = {}): GatewayError {
  return new GatewayError("upstream-failed", `Cannot upload a file to Qwen: ${reason}`, {
    ...options,
    upstream: upstreamName,
  });
}
