// opencode: a provider of its own by the AI SDK's package for servers of OpenAI's protocol. Chat completions, with /v1.

import type { Agent } from "../agent.ts";

const id = "qwen-gateway";

/** @see https://opencode.ai/docs/providers/#custom-provider */
export const opencode: Agent = {
  name: "opencode",
  title: "opencode",
  programs: ["opencode"],
  place: {
    variable: "XDG_CONFIG_HOME",
    below: "opencode",
    usual: ".config/opencode",
    files: ["opencode.json", "opencode.jsonc"],
  },
  format: "json",
  entries: ({ url, key, model, smallModel }) => [
    { path: ["$schema"], value: "https://opencode.ai/config.json", isOnlyDefault: true },
    {
      path: ["provider", id],
      value: {
        npm: "@ai-sdk/openai-compatible",
        name: "qwen-gateway",
        options: { baseURL: `${url}/v1`, apiKey: key },
        models: { [model]: { name: model }, [smallModel]: { name: smallModel } },
      },
    },
    { path: ["model"], value: `${id}/${model}` },
    { path: ["small_model"], value: `${id}/${smallModel}` },
  ],
  // A provider of one's own can be named in the file alone.
  environment: () => ({}),
};
