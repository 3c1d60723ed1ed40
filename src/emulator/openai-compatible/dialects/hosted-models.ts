// What Model Studio and its plans serve (qwen-code 0.24.4 presets, models.dev, 2026-07 to 2026-11).

import type { ModelCard } from "../model-card.ts";

const qwen: Omit<ModelCard, "id"> = {
  contextTokens: 1_000_000,
  maxOutputTokens: 65_536,
  thinking: "on",
  vision: true,
  tools: true,
  search: true,
  thinksInStreamsOnly: false,
  streamOnly: false,
  isForeign: false,
};

const open = { ...qwen, contextTokens: 262_144, vision: false, search: false };
const foreign = { ...open, isForeign: true };

export const payAsYouGoCards: readonly ModelCard[] = [
  { ...qwen, id: "qwen3.8-max", maxOutputTokens: 131_072 },
  { ...qwen, id: "qwen3.8-flash", maxOutputTokens: 131_072 },
  { ...qwen, id: "qwen3.7-max", vision: false },
  { ...qwen, id: "qwen3.7-plus" },
  { ...qwen, id: "qwen3.6-plus" },
  { ...qwen, id: "qwen3.6-flash" },
  { ...qwen, id: "qwen3.5-plus" },
  // The older commercial ones do not think unless told to.
  { ...qwen, id: "qwen-plus", thinking: "off", vision: false },
  { ...qwen, id: "qwen-flash", thinking: "off", vision: false },
  { ...qwen, id: "qwen3-coder-plus", thinking: "never", vision: false, search: false },
  { ...open, id: "qwen3-coder-next", thinking: "never" },
  { ...open, id: "qwen3.6-27b" },
  // Retired about 2026-10; kept for what it refuses: to think without a stream.
  { ...open, id: "qwen3-32b", contextTokens: 131_072, maxOutputTokens: 16_384, thinksInStreamsOnly: true },
  { ...open, id: "qwq-plus", contextTokens: 131_072, thinking: "always", streamOnly: true },
  { ...foreign, id: "glm-5.2" },
  { ...foreign, id: "deepseek-v4-pro" },
  { ...foreign, id: "kimi-k2.6" },
];

export const planCards: readonly ModelCard[] = [
  // Cannot be told not to think there (qwen-code preset).
  { ...qwen, id: "qwen3.8-max", maxOutputTokens: 131_072, thinking: "always" },
  { ...qwen, id: "qwen3.8-flash", maxOutputTokens: 131_072 },
  { ...qwen, id: "qwen3.7-max", vision: false },
  { ...qwen, id: "qwen3.7-plus" },
  { ...qwen, id: "qwen3.6-plus" },
  { ...qwen, id: "qwen3-coder-plus", thinking: "never", vision: false },
  { ...foreign, id: "glm-5" },
  { ...foreign, id: "kimi-k2.5" },
  { ...foreign, id: "MiniMax-M2.5" },
];

export const modelScopeCards: readonly ModelCard[] = [
  { ...open, id: "Qwen/Qwen3.8-27B", vision: true },
  { ...open, id: "Qwen/Qwen3.6-27B", vision: true },
  { ...open, id: "Qwen/Qwen3-Coder-Next", thinking: "never" },
  { ...open, id: "Qwen/Qwen3-235B-A22B-Thinking-2507", thinking: "always", thinksInStreamsOnly: true },
];

/** A model of the user's own. */
export function localCard(id: string, changes: Partial<ModelCard> = {}): ModelCard {
  return { ...open, id, vision: true, maxOutputTokens: 262_144, ...changes };
}
