// One operation of the HTTP API, as the OpenAPI document tells it. Where a body is checked, the schema is the one that
// checks it.

import { Type, type TSchema } from "typebox";
import type { LimitRange } from "../body/parse-limit.ts";
import type { ServerRoute } from "../trip.ts";

export interface Operation {
  readonly method: ServerRoute["method"];
  /** As OpenAPI writes it: `/v1/files/{id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** By name. Those of the path are texts unless they stand here. */
  readonly parameters?: Readonly<Record<string, Parameter>>;
  readonly body?: RequestBody;
  /** By status. What every operation may answer is added. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Served to everybody. @defaultValue false */
  readonly isOpen?: boolean;
  readonly isDeprecated?: boolean;
}

export interface Parameter {
  readonly in: "query" | "path" | "header";
  readonly schema: TSchema;
  readonly description?: string;
  readonly isRequired?: boolean;
}

export interface RequestBody {
  /** By content type. */
  readonly content: Readonly<Record<string, TSchema>>;
  /** Of the first content type. */
  readonly example?: unknown;
  /** @defaultValue true */
  readonly isRequired?: boolean;
}

export interface Answer {
  readonly description: string;
  /** By content type. Absent: there is no body. */
  readonly content?: Readonly<Record<string, TSchema>>;
}

export const anyObject = Type.Object({});
/** In streams: frames of server-sent events. */
export const frames = Type.String();

export function json(description: string, schema: TSchema = anyObject): Answer {
  return { description, content: { "application/json": schema } };
}

/** A refusal that operations of its kind need not know, in the shape of OpenAI's errors. */
export function refusal(description: string): Answer {
  return json(description, Type.Ref("#/components/schemas/Error"));
}

export function jsonBody(schema: TSchema, example: unknown): RequestBody {
  return { content: { "application/json": schema }, example };
}

export function query(schema: TSchema, description: string): Parameter {
  return { in: "query", schema, description };
}

/** How many entries of a list, as parse-limit.ts reads it. */
export function limitQuery({ usual, most }: LimitRange): Parameter {
  return query(Type.Integer({ minimum: 1, maximum: most }), `At most so many. Default: ${usual}`);
}

/** The router's path: a segment in braces in the middle has a name there, the last one takes the rest. */
export function routePath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}
