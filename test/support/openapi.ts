// The OpenAPI document of a gateway as tests read it: operations one by one, with their schemas resolved.

import { Check } from "typebox/schema";

interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
}

/** As JSON. */
export type Schema = Readonly<Record<string, unknown>>;

export interface DocumentedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
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
  const documented = operation.responses[answer.status];
  if (documented === undefined)
    return `status ${answer.status} is not documented: ${(await answer.text()).slice(0, 300)}`;
  const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
  const media = documented.content?.[type] ?? documented.content?.["*/*"];
  if (documented.content === undefined) return type === "" ? undefined : `${type} where no body is documented`;
  if (media === undefined) return `${type} is not documented for ${answer.status}`;
  if (type !== "application/json") {
    // Some of them never end.
    await answer.body?.cancel();
    return undefined;
  }
  const body: unknown = await answer.json();
  const schema = resolve(document, media.schema);
  return Check(schema, body) ? undefined : `a body that does not fit its schema: ${JSON.stringify(body).slice(0, 300)}`;
}

function resolve(document: OpenapiDocument, schema: Schema): Schema {
  const reference = schema["$ref"];
  if (typeof reference !== "string") return schema;
  return document.components.schemas[reference.slice("#/components/schemas/".length)] ?? {};
}
