// Signatures of uploads, against one that the storage's own SDK makes of the same input.

import { expect, test } from "bun:test";
import { encodeKey, signUpload } from "../../../../../src/upstreams/qwen-web/attachments/oss-signature.ts";

const upload = {
  bucket: "edp-materials",
  key: "t1/a.md",
  region: "cn-hangzhou",
  contentType: "text/markdown; charset=utf-8",
  nowMs: Date.UTC(2026, 9, 2, 8, 30, 15),
};
const credentials = {
  accessKeyId: "LTAI5tAccessKeyIdExample",
  accessKeySecret: "secret+/=Example",
  securityToken: "",
};

test("signUpload signs as the official SDK does", () => {
  expect(signUpload(upload, credentials)).toEqual({
    "content-type": "text/markdown; charset=utf-8",
    "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
    "x-oss-date": "20261002T083015Z",
    // Of alibabacloud-oss-v2 1.4.0 (Python), SignerV4.
    authorization:
      "OSS4-HMAC-SHA256 Credential=LTAI5tAccessKeyIdExample/20261002/cn-hangzhou/oss/aliyun_v4_request,Signature=57073e828a88e94bd9554815b477fb0d4639e53e36b878006024b4f5a292f1b2",
  });
});

test("signUpload sends and signs the security token where there is one", () => {
  const plain = signUpload(upload, credentials);
  const lent = signUpload(upload, { ...credentials, securityToken: "token" });
  expect(lent["x-oss-security-token"]).toBe("token");
  expect(lent["authorization"]).not.toBe(plain["authorization"]);
});

test("encodeKey escapes everything but unreserved characters and slashes", () => {
  expect(encodeKey("user/1_a b!'()*~é+.txt")).toBe("user/1_a%20b%21%27%28%29%2A~%C3%A9%2B.txt");
});
