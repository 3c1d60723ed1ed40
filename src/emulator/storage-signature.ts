// Whether an upload is signed as the object storage wants it: version 4, from what really arrived. Written from the
// storage's documents alone, so that a mistake of a client's is not made here a second time.
// @see https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4

/** What was lent for the upload. */
export interface LentCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
}

export interface SignedUpload {
  readonly headers: Headers;
  readonly bucket: string;
  /** Path in the bucket, not escaped, without a slash in front. */
  readonly key: string;
  /** Such as `ap-southeast-1`. */
  readonly region: string;
  readonly nowMs: number;
}

const maxSkewMs = 15 * 60_000;

/** @returns the storage's own code for what is wrong; undefined when nothing is */
export function refuseSignature(upload: SignedUpload, lent: LentCredentials): string | undefined {
  const { headers } = upload;
  const given = /^OSS4-HMAC-SHA256 Credential=([^,]+),(?:AdditionalHeaders=([^,]*),)?Signature=([0-9a-f]{64})$/.exec(
    headers.get("authorization") ?? "",
  );
  if (given === null) return "AccessDenied";
  const [, credential = "", additional = "", signature = ""] = given;
  const date = headers.get("x-oss-date") ?? "";
  const scope = `${date.slice(0, 8)}/${upload.region}/oss/aliyun_v4_request`;
  const isNamed = credential === `${lent.accessKeyId}/${scope}`;
  if (!isNamed || (headers.get("x-oss-security-token") ?? "") !== lent.securityToken) return "InvalidAccessKeyId";
  const timeMs = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(timeMs - upload.nowMs) <= maxSkewMs)) return "RequestTimeTooSkewed";
  if (headers.get("x-oss-content-sha256") !== "UNSIGNED-PAYLOAD") return "InvalidArgument";
  const canonical = [
    "PUT",
    escapePath(`/${upload.bucket}/${upload.key}`),
    "",
    canonicalHeaders(headers, additional.split(";")),
    additional,
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const hashed = new Bun.CryptoHasher("sha256").update(canonical).digest("hex");
  const expected = sign(lent.accessKeySecret, scope, `OSS4-HMAC-SHA256\n${date}\n${scope}\n${hashed}`);
  return expected === signature ? undefined : "SignatureDoesNotMatch";
}

/** Those of the storage and of the content always count, others when they are named. */
function canonicalHeaders(headers: Headers, additional: readonly string[]): string {
  const counted: string[] = [];
  headers.forEach((value, name) => {
    const isOwn = name === "content-type" || name === "content-md5" || name.startsWith("x-oss-");
    if (isOwn || additional.includes(name)) counted.push(`${name}:${value.trim()}\n`);
  });
  return counted.sort().join("");
}

function sign(secret: string, scope: string, text: string): string {
  let key: Uint8Array = Buffer.from(`aliyun_v4${secret}`);
  for (const word of scope.split("/")) key = new Bun.CryptoHasher("sha256", key).update(word).digest();
  return new Bun.CryptoHasher("sha256", key).update(text).digest("hex");
}

/** Every byte but letters, digits and `-_.~/`. */
function escapePath(path: string): string {
  return [...Buffer.from(path)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[\w.~/-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
