// Flags and settings to the gateway as an agent is to see it.

import type { CommandContext, Flag, FlagValues } from "../command.ts";
import { UsageError } from "../command.ts";
import { envFileFlag, loadCommandConfig, sourceFlagNames } from "../config-flags.ts";
import { healthUrl } from "../healthcheck.ts";
import { numberFlag } from "../number-flag.ts";
import { keySource, readKeys } from "../setup/read-keys.ts";
import type { Target } from "./agent.ts";

/** The smallest window among Qwen's models on the web. */
const webContextTokens = 131_072;

export const targetFlags: readonly Flag[] = [
  { name: "url", value: "URL", description: "Address of the gateway (default: host and port of the settings)" },
  {
    name: "key",
    value: keySource,
    description: "A key of the gateway: from a file, standard input or a variable (default: the first of the settings)",
  },
  { name: "model", value: "MODEL", description: "What the agent works with (default: default_model of the settings)" },
  { name: "small-model", value: "MODEL", description: "For titles and summaries (default: the same)" },
  { name: "fast-model", value: "MODEL", description: "For suggestions and edits in place (default: the small one)" },
  {
    name: "context-tokens",
    value: "NUMBER",
    description: `Window of the models, for agents that do not know it (default: ${webContextTokens})`,
  },
  {
    name: "config",
    value: "FILE",
    description: "The gateway's settings (default: the file that serve reads by itself)",
  },
  envFileFlag,
];

/** Fewer are useless, more do not exist. */
const contextBounds = { least: 1024, most: 10_000_000 };

/** Agents want some text. */
const noKey = "none";

/** @throws {UsageError} @throws {ConfigError} */
export async function readTarget(flags: FlagValues, context: CommandContext): Promise<Target> {
  const sources = Object.entries(flags).filter(([name]) => sourceFlagNames.includes(name));
  const { config } = loadCommandConfig(Object.fromEntries(sources), context);
  const url = flags["url"] === undefined ? healthUrl(config).replace(/\/health$/, "") : readUrl(flags["url"]);
  const [given] = flags["key"] === undefined ? [] : await readKeys("key", flags["key"], context);
  // The key of this gateway is nothing for another one.
  const key = given ?? (flags["url"] === undefined ? config.apiKey?.[0] : undefined);
  const model = readModel("model", flags["model"] ?? config.defaultModel);
  const smallModel = readModel("small-model", flags["small-model"] ?? model);
  const fastModel = readModel("fast-model", flags["fast-model"] ?? smallModel);
  const contextTokens = numberFlag(flags, "context-tokens", contextBounds) ?? webContextTokens;
  return { url, key: key ?? noKey, isKeyReal: key !== undefined, model, smallModel, fastModel, contextTokens };
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new UsageError(
      "Cannot use --url: an address looks like http://127.0.0.1:8787, without a password or a query",
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "").replace(/\/v1$/, "");
}

function readModel(flag: string, text: string): string {
  if (/^[^\s\p{Cc}"'\\]+$/u.test(text)) return text;
  throw new UsageError(`Cannot use --${flag}: a model is one word`);
}
