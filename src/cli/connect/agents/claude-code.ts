// Claude Code: variables in its settings file, which it sets for itself. Messages API, base URL without /v1.

import type { Agent, Target } from "../agent.ts";

/** @see https://code.claude.com/docs/en/settings */
export const claudeCode: Agent = {
  name: "claude-code",
  title: "Claude Code",
  programs: ["claude"],
  place: { variable: "CLAUDE_CONFIG_DIR", usual: ".claude", files: ["settings.json"] },
  format: "json",
  entries: (target) => Object.entries(variables(target)).map(([name, value]) => ({ path: ["env", name], value })),
  environment: variables,
};

function variables({ url, key, model, smallModel, contextTokens }: Target): Readonly<Record<string, string>> {
  return {
    ANTHROPIC_BASE_URL: url,
    // Not ANTHROPIC_API_KEY: it asks whether to trust one that it does not know.
    ANTHROPIC_AUTH_TOKEN: key,
    ANTHROPIC_MODEL: model,
    ANTHROPIC_DEFAULT_OPUS_MODEL: model,
    ANTHROPIC_DEFAULT_SONNET_MODEL: model,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: smallModel,
    // It takes a model that it does not know for one of a million tokens, and would never shorten a session in time.
    CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(contextTokens),
  };
}
