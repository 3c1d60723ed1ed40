// Continue: one more entry in the list of models of its YAML file. Chat completions, base URL with /v1.

import type { Agent } from "../agent.ts";

const name = "Qwen by qwen-gateway";

/** @see https://docs.continue.dev/reference */
export const continueAgent: Agent = {
  name: "continue",
  title: "Continue",
  programs: ["cn"],
  place: { usual: ".continue", files: ["config.yaml"] },
  format: "yaml",
  entries: ({ url, key, model }) => [
    // It refuses a file without these three.
    { path: ["name"], value: "My assistant", isOnlyDefault: true },
    { path: ["version"], value: "1.0.0", isOnlyDefault: true },
    { path: ["schema"], value: "v1", isOnlyDefault: true },
    {
      path: ["models", { name }],
      value: {
        name,
        provider: "openai",
        model,
        apiBase: `${url}/v1`,
        apiKey: key,
        roles: ["chat", "edit", "apply"],
        capabilities: ["tool_use"],
      },
    },
  ],
  environment: () => ({}),
  advice: () => [`Choose "${name}" in the list of models of Continue`],
};
