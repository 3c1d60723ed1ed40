// The schema of the YAML file for editors and for people who generate it: config-schema.ts in the file's spelling.

import type { Json } from "../contract/json.ts";
import { isWordList, listSettings, type SettingSchema } from "./config-names.ts";

/** JSON schema 2020-12 of the config file. Written to schema/config.schema.json by scripts/write-config-schema.ts. */
export function configJsonSchema(): Json {
  const properties: Record<string, unknown> = {};
  for (const { fileName, schema } of listSettings()) properties[fileName] = published(schema);
  const document = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "qwen-gateway config file",
    type: "object",
    properties,
    additionalProperties: false,
  };
  // Plain JSON, without the builder's hidden marks.
  return JSON.parse(JSON.stringify(document));
}

function published({ allowed: _words, ...schema }: SettingSchema): unknown {
  if (!isWordList(schema)) return schema;
  const { description, default: defaultValue, writeOnly, ...list } = schema;
  const text = { type: "string", description: "The same, separated by commas" };
  return { description, default: defaultValue, writeOnly, anyOf: [list, text] };
}
