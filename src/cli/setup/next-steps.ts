// What comes after the file: how the gateway is started, how it is asked, and what of the environment goes before the file.

import type { Config, UpstreamSettings } from "../../config/config-schema.ts";
import type { Environment } from "../../config/load-config.ts";
import { healthUrl } from "../healthcheck.ts";
import type { ConfigFile } from "./config-file.ts";

/** @param model one that answers; undefined: the default is asked */
export function nextSteps(file: ConfigFile, config: Config, model: string | undefined): readonly string[] {
  const start = file.isDefault ? "qwen-gateway" : `qwen-gateway --config ${quoted(file.path)}`;
  const url = healthUrl(config).replace(/\/health$/, "/v1/chat/completions");
  const body = { ...(model === undefined ? {} : { model }), messages: [{ role: "user", content: "Hello" }] };
  const key = config.apiKey.length === 0 ? "" : ' -H "authorization: Bearer $API_KEY"';
  return [
    "",
    "Start it (one that runs on this file reads it again by SIGHUP, or by POST /admin/api/reload):",
    `  ${start}`,
    "Ask it:",
    `  curl ${url}${key} -H 'content-type: application/json' -d ${quoted(JSON.stringify(body))}`,
  ];
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Settings of the environment go before those of the file, key by key. */
export function shadowNotes(written: readonly UpstreamSettings[], environment: Environment): readonly string[] {
  return written.flatMap(({ name, api_keys: keys = [], region, plan }) => {
    const values: Readonly<Record<string, string | undefined>> =
      name === "dashscope"
        ? { DASHSCOPE_API_KEY: keys.join(","), DASHSCOPE_REGION: region, DASHSCOPE_PLAN: plan }
        : name === "modelscope"
          ? { MODELSCOPE_API_KEY: keys.join(",") }
          : {};
    const others = Object.entries(values).filter(([variable, value]) => {
      const set = environment[variable]?.trim();
      return set !== undefined && set !== "" && set !== value;
    });
    return others.map(([variable]) => `Note: ${variable} in the environment goes before what the file says`);
  });
}
