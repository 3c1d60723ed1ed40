// opencode: a provider of its own by the AI SDK's package for servers of OpenAI's protocol. Chat completions, with /v1.

import type { Agent } from "../agent.ts";

const id = "qwen-gateway";
const outputTokens = 32_768;

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
  entries: ({ url, key, model, smallModel, contextTokens }) => [
    { path: ["$schema"], value: "https://opencode.ai/config.json", isOnlyDefault: true },
    {
      path: ["provider", id],
      isOwnBlock: true,
      value: {
        npm: "@ai-sdk/openai-compatible",
        name: "qwen-gateway",
        options: { baseURL: `${url}/v1`, apiKey: key },
        models: Object.fromEntries([model, smallModel].map((name) => [name, describe(name, contextTokens)])),
      },
    },
    { path: ["model"], value: `${id}/${model}` },
    { path: ["small_model"], value: `${id}/${smallModel}` },
  ],
  // A provider of one's own can be named in the file alone.
  environment: () => ({}),
};

/** What it does not know of a model it denies: pictures, thoughts, and without a window it never shortens a session. */
function describe(name: string, contextTokens: number) {
  return {
    name,
    attachment: true,
    reasoning: true,
    tool_call: true,
    modalities: { input: ["text", "image"], output: ["text"] },
    limit: { context: contextTokens, output: Math.min(outputTokens, Math.floor(contextTokens / 4)) },
  };
}
