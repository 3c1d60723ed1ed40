// LM Studio: the role on every delta of thoughts.

import { lmStudio } from "../../../../../src/upstreams/openai-compatible/dialects/lm-studio.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(lmStudio, {
  recording: "lmstudio-01-reasoning_content.sse",
  text: "Hello!",
  reasoning: "Let me see.",
});
