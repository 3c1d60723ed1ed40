// Ollama: thoughts in `reasoning`, a call whole in one delta.

import { ollama } from "../../../../../src/upstreams/openai-compatible/dialects/ollama.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(ollama, {
  recording: "ollama-01-reasoning-and-toolcall.sse",
  text: "",
  reasoning: "Need the weather.",
  calls: [["get_weather", '{"city":"Paris"}']],
});
