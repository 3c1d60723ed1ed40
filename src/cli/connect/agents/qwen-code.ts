// qwen-code: its provider "openai" with an address of ours, in its settings file. Chat completions, base URL with /v1.

import type { Agent } from "../agent.ts";

/** @see https://qwenlm.github.io/qwen-code-docs/en/users/configuration/settings/ */
export const qwenCode: Agent = {
  name: "qwen-code",
  title: "Qwen Code",
  programs: ["qwen"],
  place: { usual: ".qwen", files: ["settings.json"] },
  format: "json",
  // Measured with 0.24.4: the address of the shell is taken, the model of the file.
  rivals: ["OPENAI_BASE_URL", "OPENAI_API_KEY"],
  entries: ({ url, key, model, fastModel }) => [
    { path: ["security", "auth", "selectedType"], value: "openai" },
    { path: ["security", "auth", "apiKey"], value: key },
    { path: ["security", "auth", "baseUrl"], value: `${url}/v1` },
    { path: ["model", "name"], value: model },
    ...(fastModel === model ? [] : [{ path: ["fastModel"], value: fastModel }]),
  ],
  environment: ({ url, key, model }) => ({
    OPENAI_BASE_URL: `${url}/v1`,
    OPENAI_API_KEY: key,
    OPENAI_MODEL: model,
  }),
};
