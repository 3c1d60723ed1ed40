// SGLang: all keys on every delta, a call whose id and name are null from its second piece on.

import { sglang } from "../../../../../src/upstreams/openai-compatible/dialects/sglang.ts";
import { testDialect } from "../../../../support/test-dialect.ts";

testDialect(sglang, {
  recording: "sglang-01-reasoning-and-toolcall.sse",
  text: "",
  reasoning: "Need the weather.",
  calls: [["get_weather", '{"city": "Paris"}']],
});
