// The secrets among the settings as texts, for whoever has to find them in something else.

import { listSettings } from "./config-names.ts";
import type { Config } from "./config-schema.ts";

/** Shorter ones cannot be told from words. */
const shortestKey = 8;
/** Of cookies, which also hold languages and dates. */
const shortestCookie = 16;

/** Where texts are secret by their names alone: user agents and environments stand beside keys there. */
const mixedNames = new Set(["headers", "env", "qwenHeaders", "otelExporterOtlpHeaders"]);
const secretName = /token|cookie|secret|password|authorization|key|^bx-/i;
/** Nothing but secrets. */
const secretFields = new Set(["token", "cookies", "api_keys"]);
const secretSettings = new Set([
  "apiKey",
  "adminKey",
  "masterKey",
  "qwenToken",
  "qwenCookies",
  "upstreamApiKey",
  "dashscopeApiKey",
  "modelscopeApiKey",
  "jwtSecret",
]);

export function secretTexts(config: Config): readonly string[] {
  const texts = new Set<string>();
  for (const { key, schema } of listSettings()) {
    if (schema.writeOnly === true) collect(key, config[key], secretSettings.has(key), texts);
  }
  for (const secret of credentialsOf(config.storeUrl)) texts.add(secret);
  return [...texts];
}

/** Of an account that was added, or whose tokens were renewed. */
export function accountSecretTexts(
  account: Readonly<Record<"token" | "cookies" | "headers", unknown>>,
): readonly string[] {
  const texts = new Set<string>();
  const { token, cookies, headers } = account;
  collect("account", { token, cookies, headers }, false, texts);
  return [...texts];
}

/** Of an address: all of it where it opens something, and the password, as it is written there and as it is meant. */
function credentialsOf(url: string | undefined): string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { username, password } = new URL(url);
  if (username === "" && password === "") return [];
  return [url, ...[password, decoded(password)].filter((text) => text.length >= shortestKey)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that means itself.
    return text;
  }
}

function collect(name: string, value: unknown, isSecret: boolean, texts: Set<string>): void {
  if (typeof value === "string") {
    if (isSecret && value.length >= shortestKey) texts.add(value);
    if (!isSecret || !/cookie/i.test(name)) return;
    for (const pair of value.split(/;\s*/)) {
      const part = pair.slice(pair.indexOf("=") + 1);
      if (part.length >= shortestCookie) texts.add(part);
    }
  } else if (Array.isArray(value)) {
    for (const inner of value) collect(name, inner, isSecret, texts);
  } else if (typeof value === "object" && value !== null) {
    const isMixed = mixedNames.has(name);
    for (const [inner, entry] of Object.entries(value)) {
      collect(inner, entry, isMixed ? secretName.test(inner) : secretFields.has(inner), texts);
    }
  }
}
