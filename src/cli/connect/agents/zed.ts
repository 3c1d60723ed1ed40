// Zed: a provider of its own in its settings. The key does not belong there: Zed reads it from a variable or its keychain.

import type { Agent, Target } from "../agent.ts";

const id = "qwen-gateway";

/** @see https://zed.dev/docs/ai/use-api-access */
export const zed: Agent = {
  name: "zed",
  title: "Zed",
  programs: ["zed", "zeditor"],
  place: { variable: "XDG_CONFIG_HOME", below: "zed", usual: ".config/zed", files: ["settings.json"] },
  format: "json",
  entries: ({ url, model }) => [
    {
      path: ["language_models", "openai_compatible", id],
      value: {
        api_url: `${url}/v1`,
        // The window of Qwen's models on the web; Zed shortens by it and wants a number.
        available_models: [{ name: model, display_name: model, max_tokens: 131_072, max_output_tokens: 32_768 }],
      },
    },
    { path: ["agent", "default_model"], value: { provider: id, model } },
  ],
  environment: variables,
  advice: (target) => [
    target.isKeyReal
      ? "Zed keeps keys out of this file: give it yours in Agent Settings, LLM Providers, or by QWEN_GATEWAY_API_KEY"
      : "Zed wants some key: start it with QWEN_GATEWAY_API_KEY=none, or write any text in Agent Settings, LLM Providers",
  ],
};

function variables({ key }: Target): Readonly<Record<string, string>> {
  return { QWEN_GATEWAY_API_KEY: key };
}
