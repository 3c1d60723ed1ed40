// A message that is too long for the firewall as a text file: put into the storage that the backend names, parsed there,
// and attached to a short message.

import { GatewayError } from "../../contract/gateway-error.ts";
import type { JsonObject } from "../../contract/json.ts";
import type { Account } from "../../credentials/account.ts";
import { type HttpClient, readText } from "../../outbound/http-client.ts";
import { sleep } from "../../outbound/retry.ts";
import type { QwenFile } from "../../wire/qwen-web.ts";
import type { QwenWebClient } from "./client.ts";
import { upstreamName } from "./errors.ts";
import { encodeKey, signUpload } from "./oss-signature.ts";

export interface UploadOptions {
  readonly client: QwenWebClient;
  readonly http: HttpClient;
  /** Without a slash at its end. Undefined: the storage that the backend names. */
  readonly storageUrl: string | undefined;
  readonly clock: () => number;
}

/** As observed on chat.qwen.ai, 2026-08: documents are taken up to this size. */
const maxFileBytes = 20 * 1024 * 1024;
const parsePollMs = 500;
const contentType = "text/plain";

/**
 * Uploads a text and waits until the backend has read it.
 * @throws {GatewayError} when any step of it fails
 */
export async function uploadText(
  options: UploadOptions,
  account: Account,
  name: string,
  text: string,
  signal: AbortSignal,
): Promise<QwenFile> {
  const { client, clock } = options;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > maxFileBytes) throw failed(`the file would be larger than ${maxFileBytes} bytes`);
  const place = readPlace(await client.getUploadToken(account, name, bytes.length, signal));
  await put(options, place, bytes, signal);
  await client.parseFile(account, place.fileId, signal);
  for (;;) {
    const status = await client.parseStatus(account, place.fileId, signal);
    if (status === "success") break;
    if (status === "failed" || status === "error") throw failed("Qwen could not read the file");
    await sleep(parsePollMs, signal);
  }
  return attachment(place, name, bytes.length, clock());
}

async function put(options: UploadOptions, place: Place, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const { bucket, key, region, endpoint, credentials } = place;
  const response = await options.http.send({
    method: "PUT",
    url: `${options.storageUrl ?? `https://${bucket}.${endpoint}`}/${encodeKey(key)}`,
    headers: signUpload({ bucket, key, region, contentType, nowMs: options.clock() }, credentials),
    body: bytes,
    signal,
  });
  const answer = await readText(response.body, 4096, signal);
  if (response.status >= 300) throw failed(`the storage answered ${response.status}`, new Error(answer.slice(0, 500)));
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

function attachment(place: Place, name: string, size: number, nowMs: number): QwenFile {
  return {
    type: "file",
    file: {
      created_at: nowMs,
      data: {},
      filename: name,
      hash: null,
      id: place.fileId,
      meta: { name, size, content_type: contentType },
      update_at: nowMs,
    },
    id: place.fileId,
    url: place.url,
    name,
    collection_name: "",
    progress: 0,
    status: "uploaded",
    greenNet: "success",
    size,
    error: "",
    itemId: crypto.randomUUID(),
    file_type: contentType,
    showType: "file",
    file_class: "document",
    uploadTaskId: crypto.randomUUID(),
  };
}

function failed(reason: string, cause?: Error): GatewayError {
  return new GatewayError("upstream-failed", `Cannot upload the message as a file: ${reason}`, {
    upstream: upstreamName,
    ...(cause === undefined ? {} : { cause }),
  });
}
