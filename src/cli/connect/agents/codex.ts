// Codex: a provider of its own in its TOML file. Responses API, base URL with /v1.

import type { Agent } from "../agent.ts";

const id = "qwen-gateway";

/** @see https://developers.openai.com/codex/config-reference */
export const codex: Agent = {
  name: "codex",
  title: "Codex",
  programs: ["codex"],
  place: { variable: "CODEX_HOME", usual: ".codex", files: ["config.toml"] },
  format: "toml",
  entries: ({ url, key, isKeyReal, model, contextTokens }) => [
    { path: ["model"], value: model },
    { path: ["model_context_window"], value: contextTokens },
    { path: ["model_provider"], value: id },
    {
      path: ["model_providers", id],
      isOwnBlock: true,
      value: {
        name: "qwen-gateway",
        base_url: `${url}/v1`,
        wire_api: "responses",
        // Without it none is sent, which is right for a gateway without keys.
        ...(isKeyReal ? { experimental_bearer_token: key } : {}),
      },
    },
  ],
  // Its built-in provider reads OPENAI_BASE_URL in some versions only.
  environment: () => ({}),
};
