// vLLM from 0.16 on: thoughts in `reasoning`, unset keys missing.

import { vllm } from "../../../../../src/upstreams/openai-compatible/dialects/vllm.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(vllm, {
  recording: "vllm-01-reasoning-field-v0.16plus.sse",
  text: "Hello!",
  reasoning: "The user says hi.",
});
