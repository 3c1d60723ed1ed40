// The flags of setup, and what they say.

import { upstreamNameRule } from "../../config/config-schema.ts";
import { type CommandContext, type Flag, type FlagValues, UsageError } from "../command.ts";
import {
  type Choice,
  dashscopeSettings,
  looksLikePlan,
  modelscopeSettings,
  type Plan,
  serviceSettings,
} from "./choice.ts";
import { keySource, readKeys } from "./read-keys.ts";
import { usualAddresses } from "./find-servers.ts";

export const setupFlags: readonly Flag[] = [
  { name: "yes", description: "Ask nothing: take what is found and what the flags say" },
  { name: "ask", description: "Ask on standard input although it is not a terminal" },
  { name: "config", value: "FILE", description: "File to write (default: the one that serve reads by itself)" },
  { name: "upstream", value: "NAME=URL", description: "A server of yours; several with commas" },
  { name: "upstream-key", value: `NAME=${keySource}`, description: "Where its key is; several with commas" },
  { name: "dashscope-key", value: keySource, description: "Where a key of DashScope is, or of one of its plans" },
  { name: "dashscope-region", value: "TEXT", description: "Region of that key: intl, cn, us, hk (default intl)" },
  { name: "dashscope-plan", value: "TEXT", description: "coding or token, when the key belongs to a plan" },
  { name: "modelscope-key", value: keySource, description: "Where a key of ModelScope is" },
  {
    name: "look-at",
    value: "LIST",
    description: "Addresses to look for servers at, or none (default: the usual ports of this machine)",
  },
  { name: "untested", description: "Send nothing to the upstreams, and write what does not work too" },
];

export interface Wishes {
  readonly given: readonly Choice[];
  readonly lookAt: readonly string[];
  readonly isUntested: boolean;
}

/** @throws {UsageError} that quotes no key */
export async function readWishes(flags: FlagValues, context: CommandContext): Promise<Wishes> {
  if (countOf(flags, "-") > 1) throw new UsageError('Cannot read two keys from standard input: use "-" once');
  const given = [...(await readServers(flags, context)), ...(await readServices(flags, context))];
  return { given, lookAt: readAddresses(flags["look-at"]), isUntested: flags["untested"] === "true" };
}

function countOf(flags: FlagValues, source: string): number {
  const names = ["dashscope-key", "modelscope-key"].filter((name) => flags[name] === source);
  return names.length + readPairs("upstream-key", flags["upstream-key"]).filter(([, value]) => value === source).length;
}

async function readServers(flags: FlagValues, context: CommandContext): Promise<readonly Choice[]> {
  const keys = new Map<string, readonly string[]>();
  for (const [name, source] of readPairs("upstream-key", flags["upstream-key"])) {
    keys.set(name, await readKeys("upstream-key", source, context));
  }
  const choices: Choice[] = [];
  for (const [name, address] of readPairs("upstream", flags["upstream"])) {
    checkName(name, choices);
    const baseUrl = normalizeAddress(address);
    if (baseUrl === undefined) throw new UsageError(`Cannot use --upstream for "${name}": ${addressRule}`);
    const own = keys.get(name) ?? [];
    keys.delete(name);
    // A service is known by its host, so that its dialect need not be said.
    const service = serviceSettings(baseUrl, own);
    const settings = { ...service, name, base_url: baseUrl, ...(own.length === 0 ? {} : { api_keys: [...own] }) };
    choices.push({ settings, origin: "given" });
  }
  const [unknown] = keys.keys();
  if (unknown !== undefined) throw new UsageError(`Cannot use --upstream-key: no --upstream has this name`);
  return choices;
}

function checkName(name: string, others: readonly Choice[]): void {
  const isFree = !others.some(({ settings }) => settings.name === name) && name !== "qwen-web";
  if (new RegExp(upstreamNameRule).test(name) && isFree) return;
  throw new UsageError(
    `Cannot use the name ${JSON.stringify(name)} for an upstream: it must be of small letters, digits, ".", "_" and "-", and not be taken`,
  );
}

async function readServices(flags: FlagValues, context: CommandContext): Promise<readonly Choice[]> {
  const choices: Choice[] = [];
  const { "dashscope-key": dashscope, "modelscope-key": modelscope } = flags;
  const region = flags["dashscope-region"];
  const plan = flags["dashscope-plan"];
  if (dashscope === undefined && (region ?? plan) !== undefined) {
    throw new UsageError("Cannot use --dashscope-region and --dashscope-plan without --dashscope-key");
  }
  if (plan !== undefined && !isPlan(plan))
    throw new UsageError('Cannot use --dashscope-plan: it is "coding" or "token"');
  if (dashscope !== undefined) {
    const keys = await readKeys("dashscope-key", dashscope, context);
    const place = { region, plan: plan ?? (keys.every(looksLikePlan) ? ("coding" as const) : undefined) };
    choices.push({ settings: dashscopeSettings(keys, place), origin: "given" });
  }
  if (modelscope !== undefined) {
    const keys = await readKeys("modelscope-key", modelscope, context);
    choices.push({ settings: modelscopeSettings(keys), origin: "given" });
  }
  return choices;
}

function isPlan(word: string): word is Plan {
  return word === "coding" || word === "token";
}

/** @throws {UsageError} that quotes nothing */
function readPairs(flag: string, text = ""): readonly (readonly [name: string, value: string])[] {
  const words = text.split(",").map((word) => word.trim());
  return words
    .filter((word) => word !== "")
    .map((word) => {
      const equals = word.indexOf("=");
      if (equals > 0 && equals < word.length - 1) return [word.slice(0, equals), word.slice(equals + 1)];
      const value = setupFlags.find(({ name }) => name === flag)?.value ?? "";
      throw new UsageError(`Cannot use --${flag}: it is ${value}`);
    });
}

function readAddresses(text: string | undefined): readonly string[] {
  if (text === undefined) return usualAddresses();
  if (text === "none") return [];
  return text.split(",").map((word) => {
    const address = normalizeAddress(word);
    if (address === undefined) throw new UsageError(`Cannot use --look-at: ${addressRule}`);
    return address;
  });
}

export const addressRule = "an address looks like http://127.0.0.1:8000/v1, without a password or a query in it";

/** As people write it, also without `http://` or `/v1`. Undefined: it is no address. */
export function normalizeAddress(text: string): string | undefined {
  const word = text.trim();
  const written = /^[a-z]+:\/\//i.test(word) ? word : `http://${word}`;
  if (word === "" || !URL.canParse(written)) return undefined;
  const url = new URL(written);
  const isPlain = /^https?:$/.test(url.protocol) && url.username === "" && url.search === "" && url.hash === "";
  if (!isPlain) return undefined;
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path === "" ? "/v1" : path}`;
}
