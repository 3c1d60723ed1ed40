// Keys of services that lie in the environment already, under the names that other programs read too.

import type { Environment } from "../../config/load-config.ts";
import {
  type Choice,
  dashscopeSettings,
  looksLikePlan,
  modelscopeSettings,
  type Plan,
  serviceSettings,
} from "./choice.ts";

/** Each service once, the first of its names first. */
export function findKeys(environment: Environment): readonly Choice[] {
  const found: Choice[] = [];
  const keysOf = (name: string): readonly string[] => splitKeys(environment[name] ?? "") ?? [];

  const dashscope = keysOf("DASHSCOPE_API_KEY");
  if (dashscope.length > 0) {
    const region = environment["DASHSCOPE_REGION"]?.trim() || undefined;
    const plan = planOf(environment["DASHSCOPE_PLAN"]) ?? (dashscope.every(looksLikePlan) ? "coding" : undefined);
    found.push({
      settings: dashscopeSettings(dashscope, { region, plan }),
      origin: "found",
      source: "DASHSCOPE_API_KEY",
    });
  }
  // As qwen-code calls them (0.24.4).
  for (const plan of ["coding", "token"] as const) {
    const source = `BAILIAN_${plan.toUpperCase()}_PLAN_API_KEY`;
    const keys = keysOf(source);
    if (keys.length > 0) found.push({ settings: dashscopeSettings(keys, { plan }), origin: "found", source });
  }
  const modelscope = keysOf("MODELSCOPE_API_KEY");
  if (modelscope.length > 0) {
    found.push({ settings: modelscopeSettings(modelscope), origin: "found", source: "MODELSCOPE_API_KEY" });
  }
  // Programs for OpenAI are pointed at Qwen by an address beside the key. A key for anybody else is none of ours.
  const openai = keysOf("OPENAI_API_KEY");
  const address = environment["OPENAI_BASE_URL"]?.trim() || environment["OPENAI_API_BASE"]?.trim() || "";
  const service = openai.length === 0 ? undefined : serviceSettings(address, openai);
  if (service !== undefined) found.push({ settings: service, origin: "found", source: "OPENAI_API_KEY" });
  return withoutRepetitions(found);
}

function planOf(word: string | undefined): Plan | undefined {
  const plan = word?.trim();
  return plan === "coding" || plan === "token" ? plan : undefined;
}

/** The same key under two names is one find. */
function withoutRepetitions(found: readonly Choice[]): readonly Choice[] {
  const seen = new Set<string>();
  return found.filter(({ settings }) => {
    const keys = (settings.api_keys ?? []).join(",");
    if (seen.has(keys)) return false;
    seen.add(keys);
    return true;
  });
}

/** Keys as they are written one after the other, with commas or on lines. Undefined: this is no key. */
export function splitKeys(text: string): readonly string[] | undefined {
  const keys = text.split(/[\s,]+/).filter((key) => key !== "");
  return keys.length > 0 && keys.every((key) => /^[!-~]{1,4096}$/.test(key)) ? keys : undefined;
}
