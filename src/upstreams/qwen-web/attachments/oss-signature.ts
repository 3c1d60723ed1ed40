// The headers that Alibaba's object storage wants of an upload: signature version 4, the payload itself unsigned.

/** What the web backend lends for one upload. */
export interface StorageCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
}

export interface StorageUpload {
  readonly bucket: string;
  /** Path in the bucket, without a slash in front. */
  readonly key: string;
  /** Such as `ap-southeast-1`. */
  readonly region: string;
  readonly contentType: string;
  readonly nowMs: number;
}

/** @see https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4 */
export function signUpload(upload: StorageUpload, credentials: StorageCredentials): Record<string, string> {
  const time = new Date(upload.nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const scope = [time.slice(0, 8), upload.region, "oss", "aliyun_v4_request"];
  const signed: Record<string, string> = {
    "content-type": upload.contentType,
    "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
    "x-oss-date": time,
  };
  if (credentials.securityToken !== "") signed["x-oss-security-token"] = credentials.securityToken;
  const canonicalHeaders = Object.keys(signed)
    .sort()
    .map((name) => `${name}:${signed[name]}\n`)
    .join("");
  // Method, path, query (none), headers, additional headers (none), payload.
  const canonical = ["PUT", `/${upload.bucket}/${encodeKey(upload.key)}`, "", canonicalHeaders, "", "UNSIGNED-PAYLOAD"];
  const text = ["OSS4-HMAC-SHA256", time, scope.join("/"), sha256(canonical.join("\n"))].join("\n");
  let key: string | Uint8Array = `aliyun_v4${credentials.accessKeySecret}`;
  for (const part of scope) key = hmac(key, part);
  const signature = Buffer.from(hmac(key, text)).toString("hex");
  return {
    ...signed,
    authorization: `OSS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope.join("/")},Signature=${signature}`,
  };
}

/** A key as it stands in an address and in the signed path: everything but unreserved characters and slashes is escaped. */
export function encodeKey(key: string): string {
  const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(key)
    .replaceAll("%2F", "/")
    .replaceAll(/[!'()*]/g, percent);
}

function hmac(key: string | Uint8Array, text: string): Uint8Array {
  return new Bun.CryptoHasher("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
