// DashScope's plans: the form of 2025, with a role chunk of its own.

import { dashscopePlans } from "../../../../../src/upstreams/openai-compatible/dialects/dashscope-plans.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(dashscopePlans, {
  recording: "dashscope-02-thinking-qwen-plus-2025-form.sse",
  text: "Hello!",
  reasoning: "Okay, the user greets me.",
});
