// Whose words the log tells as the reason of a refusal.

import { expect, test } from "bun:test";
import { GatewayError, repeatableAtOnce } from "../../../../src/contract/gateway-error.ts";
import { refusalReason } from "../../../../src/gateway/records/refusal-reason.ts";

const upstream = "qwen-web";
const refusal = new GatewayError("invalid-request", "Qwen refused the message", {
  upstream,
  cause: new Error("Qwen answered 200 invalid_input: no such file"),
});

test("refusalReason is what the upstream said, also of a refusal that was put in other words", () => {
  const named = new GatewayError("invalid-request", "Cannot use it", { upstream, cause: refusal });
  for (const error of [refusal, named, repeatableAtOnce(refusal)]) {
    expect(refusalReason(error)).toBe("Qwen answered 200 invalid_input: no such file");
  }
});

test("refusalReason says nothing of the gateway's own refusals, nor of failures", () => {
  const own = new GatewayError("invalid-request", "No", { cause: new Error("inside") });
  const failure = new GatewayError("upstream-failed", "No", { upstream, cause: new Error("inside") });
  for (const error of [undefined, own, failure]) expect(refusalReason(error)).toBeUndefined();
});
