// What is wrong within a setting that holds objects, told by the names of keys alone: its values may be secrets.

import type { configSchema } from "./config-schema.ts";
import type { Static } from "typebox";

/** What the check says of one place. */
export interface SchemaError {
  readonly keyword: string;
  /** A JSON pointer. */
  readonly instancePath: string;
  readonly params: object;
}

/** By key of the setting. An empty list: it is wrong as a whole. */
export type WrongParts = ReadonlyMap<string, readonly string[]>;

export function wrongParts(errors: readonly SchemaError[]): WrongParts {
  const parts = new Map<string, string[]>();
  for (const error of errors) {
    const [, key = "", ...path] = error.instancePath.split("/").map(unescapePointer);
    const known = parts.get(key) ?? [];
    parts.set(key, known);
    for (const part of partsOf(error, path)) if (!known.includes(part)) known.push(part);
  }
  return parts;
}

/** What no schema can say: addresses that no URL has, accounts of nothing but a name, names that no header has, patterns that are none. */
export function findOddParts(values: Static<typeof configSchema>): WrongParts {
  const parts = new Map<string, readonly string[]>();
  const { qwenBaseUrl, qwenAuthUrl, qwenUploadUrl, upstreamBaseUrl } = values;
  for (const [key, url] of Object.entries({ qwenBaseUrl, qwenAuthUrl, qwenUploadUrl, upstreamBaseUrl }))
    if (url !== undefined && !URL.canParse(url)) parts.set(key, []);
  const odd = {
    upstreams: (values.upstreams ?? []).flatMap(({ base_url: url, headers }, index) => [
      ...(url === undefined || URL.canParse(url) ? [] : [`wrong "base_url" in entry ${index + 1}`]),
      ...(oddHeaders(headers, framing).length > 0 ? [`wrong "headers" in entry ${index + 1}`] : []),
    ]),
    qwenHeaders: oddHeaders(values.qwenHeaders).map((name) => `wrong "${name}"`),
    qwenAccounts: (values.qwenAccounts ?? []).flatMap(({ token, cookies, headers }, index) => [
      ...((token ?? cookies ?? headers) === undefined ? [`no credentials in entry ${index + 1}`] : []),
      ...(oddHeaders(headers).length > 0 ? [`wrong "headers" in entry ${index + 1}`] : []),
    ]),
    agentRules: (values.agentRules ?? []).flatMap(({ keys, users }, index) =>
      (keys ?? users) === undefined ? [`no "keys" or "users" in entry ${index + 1}`] : [],
    ),
    // An asterisk stands for the rest of a name that is asked for, and for nothing in what serves it.
    modelRoutes: Object.entries(values.modelRoutes ?? {})
      .filter(([name, targets]) => name.slice(0, -1).includes("*") || [targets].flat().join().includes("*"))
      .map(([name]) => `wrong "${name}"`),
    prices: Object.keys(values.prices ?? {})
      .filter((name) => name.slice(0, -1).includes("*"))
      .map((name) => `wrong "${name}"`),
  };
  for (const [key, wrong] of Object.entries(odd)) if (wrong.length > 0) parts.set(key, wrong);
  return parts;
}

/** Such as `:authority`, which browsers show among the headers. */
function oddHeaders(headers: Readonly<Record<string, string>> = {}, others = nothing): string[] {
  return Object.keys(headers).filter((name) => !headerName.test(name) || others.test(name));
}

const headerName = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Headers that say how a message is framed: whoever writes it decides. What is captured from a browser loses them elsewhere. */
const framing =
  /^(?:connection|proxy-connection|keep-alive|te|trailer|transfer-encoding|content-length|upgrade|expect)$/i;
const nothing = /(?!)/;

function partsOf({ keyword, params }: SchemaError, [first, second]: readonly string[]): readonly string[] {
  // Says once more what the keyword additionalProperties says by name.
  if (keyword === "boolean" || first === undefined) return [];
  const entry = /^[0-9]+$/.test(first) ? Number(first) + 1 : undefined;
  if (entry === undefined) return [isFieldName(second) ? `wrong "${second}" in "${first}"` : `wrong "${first}"`];
  if ("additionalProperties" in params && Array.isArray(params.additionalProperties))
    return params.additionalProperties.map((name) => `unknown key "${name}" in entry ${entry}`);
  if ("requiredProperties" in params && Array.isArray(params.requiredProperties))
    return params.requiredProperties.map((name) => `no "${name}" in entry ${entry}`);
  return [second === undefined ? `entry ${entry} is wrong` : `wrong "${second}" in entry ${entry}`];
}

/** And no place in a list. */
function isFieldName(part: string | undefined): part is string {
  return part !== undefined && !/^[0-9]+$/.test(part);
}

function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
