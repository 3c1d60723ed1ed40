// Operations to an OpenAPI 3.1 document. Pure. What every operation may answer besides is added here: who may not come in,
// what is wrong with a request, and that something failed.

import { Type } from "typebox";
import type { Json } from "../../contract/json.ts";
import type { Answer, Operation, Parameter, RequestBody } from "./operation.ts";

const openaiError = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: Type.Union([Type.String(), Type.Null()]),
    code: Type.String(),
  }),
});
const apiError = Type.Object({ message: Type.String(), ...openaiError.properties });
const anthropicError = Type.Object({
  type: Type.Literal("error"),
  error: Type.Object({ type: Type.String(), message: Type.String() }),
  request_id: Type.Optional(Type.String()),
});
/** Of a message that is none, where a key was right. */
const rpcError = Type.Object({
  jsonrpc: Type.Literal("2.0"),
  id: Type.Union([Type.String(), Type.Integer(), Type.Null()]),
  error: Type.Object({ code: Type.Integer(), message: Type.String() }),
});

const adminKeys = "A key of ADMIN_KEY, or a key or token with the scope admin";

const errorNames: Readonly<Record<number, string>> = {
  400: "Something is wrong with the request; `param` names the field",
  401: "There is no key, or nobody knows it",
  403: "The key is not enough, or the page or host may not ask",
  404: "It is not there, or belongs to another caller",
  410: "It was there",
  413: "It is too large",
  431: "Its address and headers are too large",
  429: "A limit was reached; `Retry-After` says for how long",
  500: "Something failed here",
  501: "No upstream serves this",
  502: "The upstream failed",
  503: "Too much to do, paused, or stopping",
  504: "The upstream did not answer in time",
  529: "Too much to do, paused, or stopping",
};

/** @param operations each path and method once */
export function createDocument(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: describe(operation) };
  }
  const tags = [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name }));
  return {
    openapi: "3.1.0",
    info: {
      title: "qwen-gateway",
      version,
      summary: "One executable between any LLM client or coding agent and Qwen",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags,
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key, or the token of a user" },
        apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
        adminBearer: { type: "http", scheme: "bearer", description: adminKeys },
        adminKey: { type: "apiKey", in: "header", name: "x-api-key", description: adminKeys },
      },
      schemas: {
        Error: plain(openaiError),
        ApiError: plain(apiError),
        AnthropicError: plain(anthropicError),
        RpcError: plain(rpcError),
      },
    },
  };
}

function describe(operation: Operation): Json {
  const { path, method, tag, summary, description, body } = operation;
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(operation.isDeprecated === true ? { deprecated: true } : {}),
    security: securityOf(operation),
    parameters: parametersOf(operation),
    ...(body === undefined ? {} : { requestBody: describeBody(body) }),
    responses: Object.fromEntries(
      Object.entries(answersOf(operation)).map(([status, answer]) => [status, describeAnswer(answer)]),
    ),
  };
}

/** `get_v1_files_id` */
function operationId(method: string, path: string): string {
  const words = path
    .replaceAll(/[{}]/g, "")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");
  return [method.toLowerCase(), ...words, ...(path.endsWith("/") ? ["slash"] : [])].join("_");
}

/** A gateway without keys wants none: the empty one. */
function securityOf({ path, isOpen }: Operation): Json {
  if (isOpen === true) return [];
  if (isForAdmins(path)) return [{ adminBearer: [] }, { adminKey: [] }, {}];
  return [{ bearer: [] }, { apiKey: [] }, {}];
}

function isForAdmins(path: string): boolean {
  return path.startsWith("/admin/");
}

function parametersOf({ path, parameters = {} }: Operation): Json {
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const inPath = named.map((name): [string, Parameter] => [
    name,
    parameters[name] ?? { in: "path", schema: Type.String({ minLength: 1 }) },
  ]);
  const others = Object.entries(parameters).filter(([name]) => !named.includes(name));
  return [...inPath, ...others].map(([name, parameter]) => ({
    name,
    in: parameter.in,
    required: parameter.in === "path" || parameter.isRequired === true,
    ...(parameter.description === undefined ? {} : { description: parameter.description }),
    schema: plain(parameter.schema),
  }));
}

function describeBody({ content, example, isRequired = true }: RequestBody): Json {
  const entries = Object.entries(content).map(([type, schema], index) => [
    type,
    // Came out of the code, as JSON.
    { schema: plain(schema), ...(index === 0 && example !== undefined ? { example: example as Json } : {}) },
  ]);
  return { required: isRequired, content: Object.fromEntries(entries) };
}

/** With what any of its kind may answer. */
function answersOf(operation: Operation): Readonly<Record<number, Answer>> {
  const { path, body, parameters, isOpen } = operation;
  const isModel = /^\/(?:v1\/(?:chat|completions|messages|responses|embeddings|rerank|images|audio)|api\/|mcp)/.test(
    path,
  );
  const statuses = [
    ...(isOpen === true ? [] : [401]),
    403,
    ...(body === undefined && parameters === undefined && !path.includes("{") ? [] : [400]),
    ...(path.includes("{") || isModel ? [404] : []),
    ...(isModel ? [410, 501, 502, 504] : []),
    ...(body === undefined ? [] : [413]),
    429,
    431,
    500,
    503,
    ...(path.startsWith("/v1/messages") ? [529] : []),
  ];
  const errors = statuses.map((status) => [status, errorAnswer(status, path)]);
  return { ...Object.fromEntries(errors), ...operation.answers };
}

function errorAnswer(status: number, path: string): Answer {
  return { description: errorNames[status] ?? "", content: { "application/json": errorSchema(path) } };
}

function errorSchema(path: string) {
  if (path.startsWith("/v1/messages")) return Type.Ref("#/components/schemas/AnthropicError");
  if (path === "/mcp")
    return Type.Union([Type.Ref("#/components/schemas/Error"), Type.Ref("#/components/schemas/RpcError")]);
  return Type.Ref(`#/components/schemas/${path.startsWith("/api/") ? "ApiError" : "Error"}`);
}

function describeAnswer({ description, content }: Answer): Json {
  if (content === undefined) return { description };
  const entries = Object.entries(content).map(([type, schema]) => [type, { schema: plain(schema) }]);
  return { description, content: Object.fromEntries(entries) };
}

/** A schema without what only its library knows. */
function plain(schema: object): Json {
  return JSON.parse(JSON.stringify(schema)) as Json;
}
