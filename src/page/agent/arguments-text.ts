// Arguments as a person reads and edits them: JSON, checked while it is typed, and a first form of what a schema wants.

import { fieldsOf, textOf, textsOf } from "../fields.ts";

export type EditedArguments = { readonly value: Readonly<Record<string, unknown>> } | { readonly problem: string };

export function writeJson(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
}

export function readArguments(text: string): EditedArguments {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `This is no JSON yet: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: "Arguments are a JSON object: they begin with { and end with }" };
  }
  return { value: fieldsOf(value) };
}

/** Whether the text says something else than the value, whatever its spaces. */
export function isChanged(text: string, value: unknown): boolean {
  const read = readArguments(text);
  return "problem" in read || JSON.stringify(read.value) !== JSON.stringify(value);
}

/** An object with the required fields of a schema, for a person to fill. */
export function draftOf(schema: unknown): Readonly<Record<string, unknown>> {
  const { properties, required } = fieldsOf(schema);
  const fields = fieldsOf(properties);
  const wanted = textsOf(required);
  const names = wanted.length > 0 ? wanted : Object.keys(fields);
  return Object.fromEntries(names.map((name) => [name, sampleOf(fieldsOf(fields[name]))]));
}

function sampleOf(schema: Readonly<Record<string, unknown>>): unknown {
  if (schema["default"] !== undefined) return schema["default"];
  const [first]: unknown[] = Array.isArray(schema["enum"]) ? schema["enum"] : [];
  if (first !== undefined) return first;
  const type = textOf(schema["type"]);
  if (type === "number" || type === "integer") return Number(schema["minimum"] ?? 0);
  if (type === "boolean") return false;
  return type === "array" ? [] : type === "object" ? {} : "";
}

/** What each field of a schema means, a line each. */
export function explainFields(schema: unknown): readonly { readonly name: string; readonly meaning: string }[] {
  const { properties, required } = fieldsOf(schema);
  const wanted = textsOf(required);
  return Object.entries(fieldsOf(properties)).map(([name, property]) => {
    const { title, description, type, enum: values } = fieldsOf(property);
    const choices = Array.isArray(values) ? `one of ${values.map((value) => JSON.stringify(value)).join(", ")}` : "";
    const parts = [
      textOf(description) ?? textOf(title),
      choices || textOf(type),
      wanted.includes(name) ? "" : "optional",
    ];
    return { name, meaning: parts.filter((part) => part !== undefined && part !== "").join(", ") };
  });
}
