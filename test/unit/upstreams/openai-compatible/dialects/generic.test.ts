// A server that nothing is known of: both names of thoughts at once.

import { generic } from "../../../../../src/upstreams/openai-compatible/dialects/generic.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(generic, {
  recording: "vllm-02-transition-both-fields-v0.12.sse",
  text: "Hi",
  reasoning: "Okay, think",
});
