// Which model and mode of the web backend a request means: suffixes and fields that users know, to feature_config.

import type { ReasoningOptions } from "../../contract/chat-request.ts";
import type { QwenChatType, QwenFeatureConfig } from "../../wire/qwen-web.ts";

export interface Mode {
  readonly thinking: "fast" | "thinking" | "auto";
  readonly search: boolean;
  /** Tools of the backend itself besides its search. @defaultValue as the backend likes */
  readonly nativeTools?: "off";
}

/** Longest first, so that `-thinking-search` is not taken for `-search`. */
const suffixes: readonly (readonly [suffix: string, mode: Partial<Mode>])[] = [
  ["-no-thinking-search", { thinking: "fast", search: true }],
  ["-thinking-search", { thinking: "thinking", search: true }],
  ["-no-thinking", { thinking: "fast" }],
  ["-thinking", { thinking: "thinking" }],
  ["-search", { search: true }],
  ["-fast", { thinking: "fast" }],
  ["-auto", { thinking: "auto" }],
];

/** Takes a known suffix off. Undefined when the name has none. */
export function splitSuffix(model: string): { readonly base: string; readonly mode: Partial<Mode> } | undefined {
  const lower = model.toLowerCase();
  for (const [suffix, mode] of suffixes) {
    if (lower.endsWith(suffix) && lower.length > suffix.length) {
      return { base: model.slice(0, -suffix.length), mode };
    }
  }
  return undefined;
}

/** What the request's fields say goes before the suffix; without either the model does not think. */
export function chooseMode(suffix: Partial<Mode>, reasoning: ReasoningOptions, webSearch: boolean | undefined): Mode {
  return { thinking: chooseThinking(suffix, reasoning), search: webSearch ?? suffix.search ?? false };
}

function chooseThinking(suffix: Partial<Mode>, reasoning: ReasoningOptions): Mode["thinking"] {
  if (reasoning.enabled !== undefined) return reasoning.enabled ? "thinking" : "fast";
  if (reasoning.adaptive === true) return suffix.thinking ?? "auto";
  if (reasoning.effort !== undefined) {
    return reasoning.effort === "none" || reasoning.effort === "minimal" ? "fast" : "thinking";
  }
  if (reasoning.budgetTokens !== undefined) return reasoning.budgetTokens > 0 ? "thinking" : "fast";
  return suffix.thinking ?? "fast";
}

export function chatTypeOf(mode: Mode): QwenChatType {
  return mode.search ? "search" : "t2t";
}

/** Where the client brings tools of its own: a native round in their place would end in "Tool X does not exists.". */
export function withoutNativeTools(mode: Mode): Mode {
  return { ...mode, search: false, nativeTools: "off" };
}

/** As sent by clients of 2026-06 that bring their own tools. */
const nativeToolsOff = {
  function_calling: false,
  enable_tools: false,
  enable_function_call: false,
  tool_choice: "none",
  code_interpreter: false,
  plugins_enabled: false,
} as const;

export function featureConfigOf(mode: Mode, budgetTokens: number | undefined): QwenFeatureConfig {
  const isPlain = mode.thinking === "fast" && !mode.search && mode.nativeTools === undefined;
  return isPlain ? plainFeatures : makeFeatureConfig(mode, budgetTokens);
}

/** Of most requests. */
const plainFeatures = makeFeatureConfig({ thinking: "fast", search: false }, undefined);

/** As observed on chat.qwen.ai, 2026-08 to 2026-09. `auto_search` is off unless asked. */
function makeFeatureConfig(mode: Mode, budgetTokens: number | undefined): QwenFeatureConfig {
  const thinks = mode.thinking !== "fast";
  return {
    thinking_enabled: thinks,
    output_schema: "phase",
    research_mode: "normal",
    auto_thinking: mode.thinking === "auto",
    thinking_mode: mode.thinking === "fast" ? "Fast" : mode.thinking === "auto" ? "Auto" : "Thinking",
    ...(thinks ? { thinking_format: "summary" as const } : {}),
    ...(thinks && budgetTokens !== undefined && budgetTokens > 0 ? { thinking_budget: budgetTokens } : {}),
    auto_search: mode.search,
    ...(mode.nativeTools === "off" ? nativeToolsOff : {}),
  };
}
