// ModelScope: no capture is known, so the plainest form of its sister has to do.

import { modelscope } from "../../../../../src/upstreams/openai-compatible/dialects/modelscope.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(modelscope, {
  recording: "dashscope-03-plain-qwen-plus.sse",
  text: "I am Qwen.",
});
