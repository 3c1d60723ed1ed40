// The conversation of setup: what was found is offered, what else there is is asked for.

import type { UpstreamSettings } from "../../config/config-schema.ts";
import type { HttpClient } from "../../outbound/http-client.ts";
import { detectDialect } from "../../upstreams/openai-compatible/servers/detect-dialect.ts";
import type { Asker } from "./asker.ts";
import {
  type Choice,
  dashscopeSettings,
  describeSettings,
  inSentence,
  looksLikePlan,
  modelscopeSettings,
  type Plan,
  serviceSettings,
} from "./choice.ts";
import { splitKeys } from "./find-keys.ts";
import { type FoundServer, serverSettings } from "./find-servers.ts";
import { addressRule, normalizeAddress } from "./flags.ts";

export interface Surroundings {
  readonly ask: Asker;
  readonly http: HttpClient;
  /** One line to whoever answers. */
  print(text: string): void;
  /** The name has another owner already. */
  isTaken(name: string): boolean;
}

/** @returns undefined: it is not wanted */
export async function offerServer(server: FoundServer, around: Surroundings): Promise<Choice | undefined> {
  const title = describeSettings(serverSettings(server, () => false));
  const models = server.wantsKey ? "it needs a key" : describeModels(server.models);
  if (!(await around.ask.confirm(`Use ${inSentence(title)} (${models})?`, "yes"))) return undefined;
  const keys = server.wantsKey ? await askKeys(around, "Its key (not shown):") : [];
  return { settings: serverSettings(server, around.isTaken, keys), origin: "given" };
}

export function describeModels(models: readonly string[]): string {
  if (models.length === 0) return "it has no model yet";
  return models.length === 1 ? `model ${models[0]}` : `${models.length} models, such as ${models[0]}`;
}

export async function offerKey(choice: Choice, { ask }: Surroundings): Promise<boolean> {
  const title = inSentence(describeSettings(choice.settings));
  return ask.confirm(`Use ${title}, from ${choice.source}? The key is copied into the file`, "yes");
}

/** All questions about what kind of server it is. */
const detectTimeoutMs = 5000;

const kinds = [
  "a server of your own: vLLM, SGLang, Ollama, llama.cpp, LM Studio, or any other with OpenAI's protocol",
  "a key of DashScope (Alibaba Cloud Model Studio), or of one of its plans",
  "a key of ModelScope",
  "your account on chat.qwen.ai",
];

/** @returns "account" for one on chat.qwen.ai, "done" when nothing more is wanted */
export async function askForMore(around: Surroundings): Promise<Choice | "account" | "done"> {
  around.print("What else shall the gateway use?");
  const kind = await around.ask.choose(kinds, "A number, or Enter for nothing more:");
  if (kind === undefined) return "done";
  if (kind === 3) return "account";
  const settings = await [askServer, askDashscope, askModelscope][kind]?.(around);
  return settings === undefined ? "done" : { settings, origin: "given" };
}

async function askServer(around: Surroundings): Promise<UpstreamSettings> {
  const { ask, http, print } = around;
  const baseUrl = await askUntil(() => ask.text("Its address:"), normalizeAddress, addressRule, print);
  const keys = await askKeys(around, "Its key (not shown; Enter if it needs none):", "optional");
  const service = serviceSettings(baseUrl, keys);
  if (service !== undefined) return service;
  const signal = AbortSignal.timeout(detectTimeoutMs);
  const found = await detectDialect({ http, baseUrl, keys, signal });
  const settings = serverSettings({ baseUrl, ...found }, around.isTaken, keys);
  print(`Taken for ${inSentence(describeSettings(settings))}: ${found.reason}`);
  return settings;
}

async function askDashscope(around: Surroundings): Promise<UpstreamSettings> {
  const { ask, print } = around;
  const keys = await askKeys(around, "The key (not shown):");
  const guess = keys.every(looksLikePlan) ? 1 : 0;
  print("How is it paid?");
  const index = await ask.choose(["pay as you go", "coding plan", "token plan"], `A number [${guess + 1}]:`);
  const plan = plans[index ?? guess];
  const known = plan === undefined ? ["intl", "cn", "us", "hk"] : ["intl", "cn"];
  const list = known.join(", ");
  const region = await askUntil(
    () => ask.text(`Its region: ${list} [intl]:`),
    (word) => (word === "" ? "intl" : known.find((one) => one === word.toLowerCase())),
    `the regions are ${list}`,
    print,
  );
  return dashscopeSettings(keys, { region, plan });
}

const plans: readonly (Plan | undefined)[] = [undefined, "coding", "token"];

async function askModelscope(around: Surroundings): Promise<UpstreamSettings> {
  return modelscopeSettings(await askKeys(around, "The key (not shown):"));
}

function askKeys(
  { ask, print }: Surroundings,
  question: string,
  need: "needed" | "optional" = "needed",
): Promise<readonly string[]> {
  return askUntil(
    () => ask.secret(question),
    // A space within was copied along with something else.
    (word) => (word === "" && need === "optional" ? [] : /[^,\s]\s+[^,\s]/.test(word) ? undefined : splitKeys(word)),
    "a key is one word without white space; several stand with commas between them",
    print,
  );
}

/** @param rule what an answer must be like, in words */
async function askUntil<T>(
  read: () => Promise<string>,
  parse: (word: string) => T | undefined,
  rule: string,
  print: (line: string) => void,
): Promise<T> {
  for (;;) {
    const parsed = parse(await read());
    if (parsed !== undefined) return parsed;
    print(`This cannot be used: ${rule}`);
  }
}
