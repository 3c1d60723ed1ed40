// The published schema is what config-schema.ts says now, and it judges files as the loader does.

import { expect, test } from "bun:test";
import { Compile } from "typebox/compile";
import publishedSchema from "../../../schema/config.schema.json";
import { configJsonSchema } from "../../../src/config/config-json-schema.ts";
import { listSettings } from "../../../src/config/config-names.ts";
import { isJsonObject } from "../../../src/contract/json.ts";

test("configJsonSchema is what schema/config.schema.json holds (else: bun scripts/write-config-schema.ts)", () => {
  expect(configJsonSchema()).toEqual(publishedSchema);
});

test("configJsonSchema has every setting in the file's spelling, described", () => {
  const { properties } = publishedSchema;

  expect(Object.keys(properties)).toEqual(listSettings().map((setting) => setting.fileName));
  for (const property of Object.values(properties)) expect(property.description.length).toBeGreaterThan(10);
});

test("configJsonSchema accepts a list as a list and as text, and refuses what the loader refuses", () => {
  const schema = configJsonSchema();
  if (!isJsonObject(schema)) throw new Error("the schema is no object");
  const check = Compile(schema);

  expect(check.Check({ port: 1, api_key: ["a", "b"], debug_streaming: true })).toBe(true);
  expect(check.Check({ api_key: "a,b" })).toBe(true);
  for (const wrong of [{ port: 70_000 }, { prot: 1 }, { log_level: "loud" }, { master_key: "ab" }, { port: "1" }]) {
    expect(check.Check(wrong)).toBe(false);
  }
});
