// Zed: a provider of its own in its settings. The key does not belong there: Zed reads it from a variable or its keychain.

import type { Agent, Entry, Target } from "../agent.ts";

const id = "qwen-gateway";
const outputTokens = 32_768;

/** @see https://zed.dev/docs/ai/use-api-access */
export const zed: Agent = {
  name: "zed",
  title: "Zed",
  programs: ["zed", "zeditor"],
  place: { variable: "XDG_CONFIG_HOME", below: "zed", usual: ".config/zed", files: ["settings.json"] },
  format: "json",
  entries: ({ url, model, smallModel, fastModel, contextTokens }) => [
    {
      path: ["language_models", "openai_compatible", id],
      isOwnBlock: true,
      value: {
        api_url: `${url}/v1`,
        available_models: [...new Set([model, smallModel, fastModel])].map((name) => describe(name, contextTokens)),
      },
    },
    { path: ["agent", "default_model"], value: { provider: id, model } },
    // What is not named here works with the default one.
    ...(smallModel === model
      ? []
      : [role("commit_message_model", smallModel), role("thread_summary_model", smallModel)]),
    ...(fastModel === model ? [] : [role("inline_assistant_model", fastModel)]),
  ],
  environment: variables,
  advice: (target) => [
    target.isKeyReal
      ? "Zed keeps keys out of this file: give it yours in Agent Settings, LLM Providers, or by QWEN_GATEWAY_API_KEY"
      : "Zed needs some key: start it with QWEN_GATEWAY_API_KEY=none, or write any text in Agent Settings, LLM Providers",
  ],
};

function role(name: string, model: string): Entry {
  return { path: ["agent", name], value: { provider: id, model } };
}

/** It shortens sessions by this window. */
function describe(name: string, contextTokens: number) {
  const capabilities = { tools: true, images: true, parallel_tool_calls: true, prompt_cache_key: false };
  return { name, display_name: name, max_tokens: contextTokens, max_output_tokens: outputTokens, capabilities };
}

function variables({ key }: Target): Readonly<Record<string, string>> {
  return { QWEN_GATEWAY_API_KEY: key };
}
