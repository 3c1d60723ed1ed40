// aider: keys at the top of its YAML file in the home. Chat completions, base URL with /v1.

import type { Agent } from "../agent.ts";

/** @see https://aider.chat/docs/config/aider_conf.html and https://aider.chat/docs/llms/openai-compat.html */
export const aider: Agent = {
  name: "aider",
  title: "aider",
  programs: ["aider"],
  place: { usual: "", files: [".aider.conf.yml"] },
  format: "yaml",
  // Its flags have a variable each, which it reads before its file.
  rivals: ["AIDER_MODEL", "AIDER_WEAK_MODEL", "AIDER_EDITOR_MODEL", "AIDER_OPENAI_API_BASE", "AIDER_OPENAI_API_KEY"],
  entries: ({ url, key, model, smallModel, fastModel }) => [
    // The prefix says which protocol it is to speak; the gateway does not see it.
    { path: ["model"], value: `openai/${model}` },
    { path: ["weak-model"], value: `openai/${smallModel}` },
    ...(fastModel === model ? [] : [{ path: ["editor-model"], value: `openai/${fastModel}` }]),
    { path: ["openai-api-base"], value: `${url}/v1` },
    { path: ["openai-api-key"], value: key },
  ],
  environment: ({ url, key, model, smallModel, fastModel }) => ({
    AIDER_MODEL: `openai/${model}`,
    AIDER_WEAK_MODEL: `openai/${smallModel}`,
    ...(fastModel === model ? {} : { AIDER_EDITOR_MODEL: `openai/${fastModel}` }),
    OPENAI_API_BASE: `${url}/v1`,
    OPENAI_API_KEY: key,
  }),
};
