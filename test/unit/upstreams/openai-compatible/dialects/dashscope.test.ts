// DashScope: both keys on every delta, the idle one null; the key order of chunks differs.

import { dashscope } from "../../../../../src/upstreams/openai-compatible/dialects/dashscope.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(dashscope, {
  recording: "dashscope-01-thinking-qwen3.6-plus.sse",
  text: "2 + 2 equals 4.",
  reasoning: "The user asks for a sum.\n2 + 2 is 4.",
});
