// What a tool server asks a person for, as fields of a form. Its schema is a flat object; what is not so simple is asked for
// as JSON instead.

import { type Fields, fieldsOf, listOf, numberOf, textOf, textsOf } from "../fields.ts";

export interface AskedField {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  /** As the `type` of an input, and `select`. */
  readonly kind: "text" | "email" | "url" | "date" | "number" | "checkbox" | "select";
  readonly choices: readonly (readonly [value: string, name: string])[];
  readonly isWhole: boolean;
  readonly isRequired: boolean;
  readonly initial: string;
}

/** Undefined: a form has no field for one of them. */
export function askedFields(schema: unknown): readonly AskedField[] | undefined {
  const { properties, required } = fieldsOf(schema);
  const wanted = textsOf(required);
  const fields = Object.entries(fieldsOf(properties)).map(([name, property]) =>
    fieldOf(name, fieldsOf(property), wanted.includes(name)),
  );
  return fields.length > 0 && fields.every((field) => field !== undefined) ? fields : undefined;
}

const inputsByFormat: Readonly<Record<string, AskedField["kind"]>> = { email: "email", uri: "url", date: "date" };

function fieldOf(name: string, property: Fields, isRequired: boolean): AskedField | undefined {
  const kind = kindOf(property);
  if (kind === undefined) return undefined;
  const { default: initial } = property;
  return {
    name,
    label: textOf(property["title"]) ?? name,
    help: textOf(property["description"]) ?? "",
    kind,
    choices: choicesOf(property),
    isWhole: property["type"] === "integer",
    isRequired,
    initial: ["string", "number", "boolean"].includes(typeof initial) ? String(initial) : "",
  };
}

function kindOf(property: Fields): AskedField["kind"] | undefined {
  const type = textOf(property["type"]) ?? "string";
  if (type === "number" || type === "integer") return "number";
  if (type === "boolean") return "checkbox";
  if (type !== "string") return undefined;
  if (choicesOf(property).length > 0) return "select";
  return inputsByFormat[textOf(property["format"]) ?? ""] ?? "text";
}

function choicesOf(property: Fields): AskedField["choices"] {
  const names = textsOf(property["enumNames"]);
  const plain = textsOf(property["enum"]).map((value, index) => [value, names[index] ?? value] as const);
  const titled = listOf(property["oneOf"]).flatMap((choice) => {
    const value = textOf(choice["const"]);
    return value === undefined ? [] : [[value, textOf(choice["title"]) ?? value] as const];
  });
  return plain.length > 0 ? plain : titled;
}

/**
 * What stands in the form, as the schema has it; what was left empty is left out.
 * @param read what stands in a field; undefined: a box that is not ticked
 */
export function readFields(
  fields: readonly AskedField[],
  read: (name: string) => string | undefined,
): Readonly<Record<string, unknown>> {
  const entries = fields.flatMap(({ name, kind }): [string, unknown][] => {
    const text = read(name);
    if (kind === "checkbox") return [[name, text !== undefined]];
    if (text === undefined || text === "") return [];
    // Browsers let nothing else through; the gateway checks it against the schema.
    return [[name, kind === "number" ? (numberOf(Number(text)) ?? text) : text]];
  });
  return Object.fromEntries(entries);
}
