// Each chosen upstream is tried as the gateway would use it, before the file is written.

import type { UpstreamSettings } from "../../config/config-schema.ts";
import { listSettings } from "../../config/config-names.ts";
import { type Environment, loadConfig } from "../../config/load-config.ts";
import { listConfiguredUpstreams } from "../../upstreams/openai-compatible/servers/configured-upstreams.ts";
import type { CommandContext } from "../command.ts";
import { createOutbound } from "../doctor-compatible.ts";
import { type Examined, examineUpstream } from "../examine-upstream.ts";
import { printDoctorLine } from "../print-doctor-line.ts";
import type { Asker } from "./asker.ts";
import type { Choice } from "./choice.ts";
import type { ConfigFile } from "./config-file.ts";
import { draftConfig } from "./draft-config.ts";

export interface Tried {
  /** Those that are to be written. */
  readonly kept: readonly UpstreamSettings[];
  /** One that answered, to be asked again. */
  readonly model: string | undefined;
  /** What a flag named does not work, and nobody can be asked what to do. */
  readonly isRefused: boolean;
}

export async function tryChoices(
  choices: readonly Choice[],
  file: ConfigFile,
  context: CommandContext,
  ask: Asker | undefined,
): Promise<Tried> {
  const kept: UpstreamSettings[] = [];
  let model: string | undefined;
  let isRefused = false;
  for (const choice of choices) {
    const { settings } = choice;
    for (;;) {
      const examined = await tryOne(settings, file, context);
      if (examined.serves) {
        kept.push(withModel(settings, examined));
        model ??= examined.model;
        break;
      }
      const decision = ask ? await decide(ask, settings.name) : choice.origin === "found" ? "leave" : "refuse";
      if (decision === "again") continue;
      if (decision === "keep") kept.push(settings);
      if (decision === "leave") context.print(`Left out: ${settings.name}`);
      isRefused ||= decision === "refuse";
      break;
    }
  }
  return { kept, model, isRefused };
}

async function tryOne(settings: UpstreamSettings, file: ConfigFile, context: CommandContext): Promise<Examined> {
  const { text } = draftConfig(file.text, [settings]);
  const environment = withoutUpstreams(context.environment);
  const { config } = loadConfig({ environment, flags: {}, file: { path: file.path, text } });
  const upstream = listConfiguredUpstreams(config).find(({ name }) => name === settings.name);
  if (upstream === undefined) throw new Error(`the draft has no upstream "${settings.name}"`);
  context.print(`Trying ${settings.name} with one short message`);
  const http = createOutbound(config);
  try {
    const lines = examineUpstream(upstream, { http, config, clock: Date.now });
    for (;;) {
      const step = await lines.next();
      if (step.done === true) return step.value;
      printDoctorLine(step.value, context);
    }
  } finally {
    http.close();
  }
}

/** What is tried is the key of the file, whatever the environment puts before it; the way out is the environment's. */
function withoutUpstreams(environment: Environment): Environment {
  const own = new Set(listSettings().map(({ environmentName }) => environmentName));
  own.delete("TRANSPORT");
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !own.has(name)));
}

/** A server's list may begin with a model that does not chat. */
function withModel(settings: UpstreamSettings, { model, ownModel }: Examined): UpstreamSettings {
  const isServer = settings.base_url !== undefined && settings.default_model === undefined;
  return isServer && model !== undefined && model !== ownModel ? { ...settings, default_model: model } : settings;
}

async function decide(ask: Asker, name: string): Promise<"leave" | "keep" | "again"> {
  const options = ["leave it out", "write it all the same", "try it again"];
  const choice = await ask.choose(options, `What shall become of ${name}? A number [1]:`);
  return choice === 1 ? "keep" : choice === 2 ? "again" : "leave";
}
