// Cline's command line: what `cline auth` writes for a server of OpenAI's protocol. Its editor extensions keep theirs elsewhere.

import type { Agent } from "../agent.ts";

const id = "openai-compatible";

/** As version 3.0.65 writes it, 2026-11-27. */
export const cline: Agent = {
  name: "cline",
  title: "Cline",
  programs: ["cline"],
  place: { usual: ".cline/data/settings", files: ["providers.json"] },
  format: "json",
  entries: ({ url, key, model }) => [
    { path: ["version"], value: 1, isOnlyDefault: true },
    { path: ["lastUsedProvider"], value: id },
    { path: ["modes"], value: {}, isOnlyDefault: true },
    {
      path: ["providers", id, "settings"],
      value: { provider: id, apiKey: key, model, baseUrl: `${url}/v1` },
    },
    // It wants a time, and sets it with each run. A constant one keeps the outcome the same each time.
    {
      path: ["providers", id, "updatedAt"],
      value: "2026-01-01T00:00:00.000Z",
      isOnlyDefault: true,
      isRewritten: true,
    },
    { path: ["providers", id, "tokenSource"], value: "manual", isOnlyDefault: true },
  ],
  environment: () => ({}),
  advice: ({ url }) => [
    `In an editor, choose the provider "OpenAI Compatible" in Cline's own settings, with ${url}/v1 as its base URL`,
  ],
};
