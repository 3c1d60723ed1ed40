// All dialects by name. The one place that knows them.

import type { Dialect, DialectName } from "../dialect.ts";
import { dashscope } from "./dashscope.ts";
import { dashscopePlans } from "./dashscope-plans.ts";
import { generic } from "./generic.ts";
import { llamaCpp } from "./llama-cpp.ts";
import { lmStudio } from "./lm-studio.ts";
import { modelscope } from "./modelscope.ts";
import { ollama } from "./ollama.ts";
import { sglang } from "./sglang.ts";
import { vllm } from "./vllm.ts";

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  dashscope,
  "dashscope-plans": dashscopePlans,
  modelscope,
  vllm,
  sglang,
  ollama,
  "llama-cpp": llamaCpp,
  "lm-studio": lmStudio,
  generic,
};
