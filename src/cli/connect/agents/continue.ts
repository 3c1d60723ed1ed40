// Continue: one more entry in the list of models of its YAML file. Chat completions, base URL with /v1.

import type { Agent, Entry, Target } from "../agent.ts";

const name = "Qwen by qwen-gateway";

/** @see https://docs.continue.dev/reference */
export const continueAgent: Agent = {
  name: "continue",
  title: "Continue",
  programs: ["cn"],
  place: { usual: ".continue", files: ["config.yaml"] },
  format: "yaml",
  entries: ({ url, key, model, smallModel, fastModel, contextTokens }) => [
    // It refuses a file without these three.
    { path: ["name"], value: "My assistant", isOnlyDefault: true },
    { path: ["version"], value: "1.0.0", isOnlyDefault: true },
    { path: ["schema"], value: "v1", isOnlyDefault: true },
    block(name, { url, key, model, contextTokens, roles: rolesOf(model, smallModel, fastModel) }),
    // Models of one role alone are told apart by their names.
    ...(smallModel === model
      ? []
      : [block(`${name}, small`, { url, key, model: smallModel, contextTokens, roles: ["summarize"] })]),
    ...(fastModel === model
      ? []
      : [block(`${name}, fast`, { url, key, model: fastModel, contextTokens, roles: ["apply"] })]),
  ],
  environment: () => ({}),
  advice: () => [`Choose "${name}" in the list of models of Continue`],
};

interface Block extends Pick<Target, "url" | "key" | "model" | "contextTokens"> {
  readonly roles: readonly string[];
}

function block(title: string, { url, key, model, contextTokens, roles }: Block): Entry {
  return {
    path: ["models", { name: title }],
    isOwnBlock: true,
    value: {
      name: title,
      provider: "openai",
      model,
      apiBase: `${url}/v1`,
      apiKey: key,
      roles: [...roles],
      capabilities: ["tool_use", "image_input"],
      defaultCompletionOptions: { contextLength: contextTokens },
    },
  };
}

function rolesOf(model: string, smallModel: string, fastModel: string): readonly string[] {
  const own = ["chat", "edit"];
  if (fastModel === model) own.push("apply");
  if (smallModel === model) own.push("summarize");
  return own;
}
