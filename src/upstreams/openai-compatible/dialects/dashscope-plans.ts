// Coding Plan and Token Plan of Model Studio (qwen-code 0.24.4 presets, coding-plan page of 2026-10): hosts, keys and
// refusals of their own.

import type { Dialect } from "../dialect.ts";
import { planRows } from "../refusals/refusal-rows.ts";
import { dashscope } from "./dashscope.ts";

export const dashscopePlans: Dialect = {
  ...dashscope,
  name: "dashscope-plans",
  displayName: "The DashScope plan",
  baseUrls: {
    "coding-intl": "https://coding-intl.dashscope.aliyuncs.com/v1",
    "coding-cn": "https://coding.dashscope.aliyuncs.com/v1",
    "token-intl": "https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
    "token-cn": "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
  },
  // coding-plan-faq, 2026-10: custom back ends and scripts may get the key banned.
  notice:
    "Keys of a coding or token plan are sold for interactive coding tools only: other use may get the key banned by its provider",
  // Flagged as mandatory thinking in the Token Plan's preset (qwen-code 0.24.4); pay as you go has its switch.
  request: { ...dashscope.request, alwaysThinks: /^qwen3\.8-max/ },
  models: {
    details: "none",
    fallback: ["qwen3.8-max", "qwen3.8-flash", "qwen3.7-plus", "qwen3.6-plus", "qwen3.5-plus", "qwen3-coder-next"],
  },
  // Nobody has seen a plan's key serve anything else (2026-11).
  endpoints: {},
  refusals: planRows,
};
