// The storage's signature, against one that the storage's own SDK makes of the same input.

import { describe, expect, test } from "bun:test";
import { refuseSignature } from "../../../src/emulator/storage-signature.ts";

const lent = { accessKeyId: "LTAI5tAccessKeyIdExample", accessKeySecret: "secret+/=Example", securityToken: "" };
const nowMs = Date.UTC(2026, 9, 2, 8, 30, 15);
const place = { bucket: "edp-materials", key: "t1/a.md", region: "cn-hangzhou", nowMs };
const headers = {
  "content-type": "text/markdown; charset=utf-8",
  "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
  "x-oss-date": "20261002T083015Z",
  "x-oss-security-token": "",
  // Of alibabacloud-oss-v2 1.4.0 (Python), SignerV4, which signs no token where it has none.
  authorization:
    "OSS4-HMAC-SHA256 Credential=LTAI5tAccessKeyIdExample/20261002/cn-hangzhou/oss/aliyun_v4_request,Signature=57073e828a88e94bd9554815b477fb0d4639e53e36b878006024b4f5a292f1b2",
};

/** Without the token's header, as the SDK sent it. */
function judge(changes: Partial<typeof headers> = {}, changedPlace: Partial<typeof place> = {}) {
  const { "x-oss-security-token": token, ...sent } = { ...headers, ...changes };
  const given = new Headers(sent);
  if (token !== "") given.set("x-oss-security-token", token);
  return refuseSignature({ ...place, ...changedPlace, headers: given }, lent);
}

describe("refuseSignature", () => {
  test("takes what the storage's own SDK signs", () => {
    expect(judge()).toBeUndefined();
  });

  test.each([
    ["another type of content", { "content-type": "text/plain" }, {}, "SignatureDoesNotMatch"],
    ["another path", {}, { key: "t1/b.md" }, "SignatureDoesNotMatch"],
    ["another bucket", {}, { bucket: "other" }, "SignatureDoesNotMatch"],
    ["another region", {}, { region: "cn-beijing" }, "InvalidAccessKeyId"],
    ["a token that was not lent", { "x-oss-security-token": "x" }, {}, "InvalidAccessKeyId"],
    ["an old date", {}, { nowMs: nowMs + 16 * 60_000 }, "RequestTimeTooSkewed"],
    ["no signature", { authorization: "" }, {}, "AccessDenied"],
    ["another signature", { authorization: `${headers.authorization.slice(0, -1)}3` }, {}, "SignatureDoesNotMatch"],
  ])("refuses %s", (_name, changes, changedPlace, code) => {
    expect(judge(changes, changedPlace)).toBe(code);
  });
});
