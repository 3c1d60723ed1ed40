// The models that the emulator claims to serve, in the shape of the backend's list (web 0.2.87, 2026-08).

import type { Json } from "../contract/json.ts";

export const defaultModelIds: readonly string[] = [
  "qwen3.8-max",
  "qwen3.7-plus",
  "qwen3.7-max",
  "qwen3.6-plus",
  "qwen3.5-plus",
  "qwen3-max",
  "qwen3-coder-plus",
  "qwen3-vl-plus",
];

const createdAtSeconds = 1_787_000_000;

export function modelEntry(id: string): Json {
  const name = id.replace(/^qwen/, "Qwen").replaceAll("-", " ");
  return {
    id,
    name,
    object: "model",
    owned_by: "qwen",
    preset: true,
    action_ids: [],
    info: {
      id,
      user_id: "00000000-0000-4000-8000-000000000000",
      base_model_id: null,
      name,
      is_active: true,
      is_visitor_active: true,
      created_at: createdAtSeconds,
      updated_at: createdAtSeconds,
      access_control: null,
      meta: {
        description: `${name}, played by the emulator`,
        short_description: "Emulator",
        profile_image_url: "",
        capabilities: {
          vision: id.includes("vl") || id.includes("plus"),
          document: true,
          video: false,
          audio: false,
          citations: true,
          thinking: true,
          thinking_budget: true,
          search: true,
        },
        abilities: { thinking: 3, search: 4, mcp: 0, parse_url: 1 },
        max_context_length: 1_000_000,
        max_generation_length: 65_536,
        max_thinking_generation_length: 81_920,
        max_summary_generation_length: 65_536,
        chat_type: ["t2t", "search", "t2i", "t2v", "artifacts", "web_dev", "deep_research"],
        mcp: [],
        modality: ["text"],
        auto_thinking: true,
        auto_search: true,
        thinking_format: "summary",
        think_skip: { enable: false },
      },
    },
  };
}
