// Whose words the log tells as the reason of a refusal.

import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { refusalReason } from "../../../src/gateway/refusal-reason.ts";

const answered = new Error("vLLM answered 429 rate_limit: 20 requests a minute");
const refused = new GatewayError("rate-limited", "vLLM takes no more requests now", {
  upstream: "vllm",
  cause: answered,
});

test("refusalReason tells the upstream's words", () => {
  expect(refusalReason(refused)).toBe(answered.message);
});

test("refusalReason tells the upstream's words of a refusal that was told once more in ours", () => {
  const again = new GatewayError("rate-limited", "Cannot use a key", { upstream: "vllm", cause: refused });

  expect(refusalReason(again)).toBe(answered.message);
});

test("refusalReason tells nothing of what the gateway refuses itself, and of failures, whose causes have stacks", () => {
  const own = new GatewayError("invalid-request", "Cannot read the body", { cause: answered });
  const failure = new GatewayError("upstream-failed", "vLLM failed", { upstream: "vllm", cause: answered });

  expect([refusalReason(undefined), refusalReason(own), refusalReason(failure)]).toEqual(Array(3).fill(undefined));
});
