// The OpenAPI document of a gateway as tests read it: operations one by one, with their schemas resolved.

import { Check } from "typebox/schema";

interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
}

const componentsStart = "#/components/schemas/";

/** As JSON. */
export type Schema = Readonly<Record<string, unknown>>;

export interface DocumentedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
}

export interface OpenapiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface NamedOperation extends DocumentedOperation {
  readonly method: string;
  readonly path: string;
}

export function operationsOf(document: OpenapiDocument): readonly NamedOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
}

/** @returns what is wrong with an answer by its documentation; undefined: nothing */
export async function judgeAnswer(
  document: OpenapiDocument,
  operation: NamedOperation,
  answer: Response,
): Promise<string | undefined> {
  const { status, headers } = answer;
  if (typeOf(headers) === "application/json")
    return judgeText(document, operation, { status, headers, text: await answer.text() });
  // Some of them never end.
  await answer.body?.cancel();
  return judgeText(document, operation, { status, headers, text: undefined });
}

export interface ReadAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined: nobody has read it, and it is not looked at. */
  readonly text: string | undefined;
}

/** @returns what is wrong with an answer by its documentation; undefined: nothing */
export function judgeText(
  document: OpenapiDocument,
  operation: NamedOperation,
  { status, headers, text }: ReadAnswer,
): string | undefined {
  const documented = operation.responses[status];
  if (documented === undefined) return `status ${status} is not documented: ${text?.slice(0, 300)}`;
  const type = typeOf(headers);
  if (documented.content === undefined) return type === "" ? undefined : `${type} where no body is documented`;
  const media = documented.content[type] ?? documented.content["*/*"];
  if (media === undefined) return `${type} is not documented for ${status}`;
  if (text === undefined || type !== "application/json") return undefined;
  return fits(resolve(document, media.schema), text)
    ? undefined
    : `a body that does not fit its schema: ${text.slice(0, 300)}`;
}

function typeOf(headers: Headers): string {
  return headers.get("content-type")?.split(";")[0] ?? "";
}

function fits(schema: Schema, text: string): boolean {
  try {
    return Check(schema, JSON.parse(text));
  } catch {
    return false;
  }
}

/** With what it refers to in its place. */
function resolve(document: OpenapiDocument, schema: Schema): Schema {
  const text = JSON.stringify(schema);
  if (!text.includes('"$ref"')) return schema;
  return JSON.parse(text, (_, held: unknown) => {
    const reference = (held as Schema | null)?.["$ref"];
    return typeof reference === "string" ? document.components.schemas[reference.slice(componentsStart.length)] : held;
  }) as Schema;
}
