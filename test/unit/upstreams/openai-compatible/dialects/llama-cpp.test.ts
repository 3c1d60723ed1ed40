// llama.cpp: bare colons before the first chunk, idle keys missing.

import { llamaCpp } from "../../../../../src/upstreams/openai-compatible/dialects/llama-cpp.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(llamaCpp, {
  recording: "llamacpp-01-ping-reasoning-toolcall.sse",
  text: "",
  reasoning: "Need the file.",
  calls: [["read", '{"path":"USER.md"}']],
});
