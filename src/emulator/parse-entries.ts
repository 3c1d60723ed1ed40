// The entries of a script from JSON, held against the schema of its emulator.

import Type, { type Static, type TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";

export type ParsedScript<Entry> = { readonly entries: Entry[] } | { readonly problem: string };

/** @param body one entry, or an array of them */
export function parseEntries<Schema extends TSchema>(entry: Schema, body: unknown): ParsedScript<Static<Schema>> {
  const checker = Compile(Type.Array(entry));
  const list: unknown = Array.isArray(body) ? body : [body];
  if (checker.Check(list)) return { entries: list };
  const [first] = checker.Errors(list);
  if (first === undefined) return { problem: "script: is not understood" };
  return { problem: `script${first.instancePath}: ${reasonOf(first)}` };
}

function reasonOf(error: TLocalizedValidationError): string {
  return error.keyword === "enum" ? `must be one of ${error.params.allowedValues.join(", ")}` : error.message;
}
