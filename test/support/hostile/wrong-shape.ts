// What an answer of a route may be: JSON in the shape of its surface, or the content type that is documented for it.

import type { HostileRequest } from "./hostile-requests.ts";

const documentedTypes: readonly (readonly [RegExp, RegExp])[] = [
  [/^\/metrics$/, /^text\/plain/],
  [/^\/chat/, /^(?:text\/html|text\/css|text\/javascript|image\/|font\/|application\/)/],
  [/^\/v1\/files\//, /./],
  [/^\/(?:v1|admin\/api)\/history\/export$/, /^application\/x-ndjson$/],
  [/^\/admin\/api\/backup$/, /^application\/x-tar$/],
];

/** @returns one line for each thing that is wrong */
export function wrongShape(request: HostileRequest, response: Response, text: string): string[] {
  const { status, headers } = response;
  const said = `${request.method} ${request.target.slice(0, 200)} -> ${status} ${text.slice(0, 500)}`;
  if (!/^req_[0-9a-f]{32}$/.test(headers.get("x-request-id") ?? "")) return [`no request id: ${said}`];
  if (status < 200 || status > 504) return [`an odd status: ${said}`];
  // The socket leaves its body out.
  if (request.method === "HEAD") return [];
  if (status === 204 || status === 304 || status === 308 || status === 202) {
    return text === "" ? [] : [`a body where none may be: ${said}`];
  }
  const type = headers.get("content-type") ?? "";
  // Dots that are escaped lead up all the same: the platform takes them out before anybody sees the address.
  const { pathname } = new URL(request.target, "http://127.0.0.1");
  if (status < 400) return isDocumented(pathname, type, text) ? [] : [`an odd content type ${type}: ${said}`];
  if (!type.startsWith("application/json")) return [`an error of type "${type}": ${said}`];
  return isErrorShape(pathname, JSON.parse(text)) ? [] : [`an error out of shape: ${said}`];
}

function isDocumented(path: string, type: string, text: string): boolean {
  if (type.startsWith("application/json")) return isJson(text);
  if (type.startsWith("text/event-stream")) return true;
  return documentedTypes.some(([place, kind]) => place.test(path) && kind.test(type));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A list of names that must be there, with the type that each must have. */
function isErrorShape(path: string, body: unknown): boolean {
  const { error, type, jsonrpc, message } = body as Record<string, unknown>;
  if (typeof error !== "object" || error === null) return false;
  const inner = error as Record<string, unknown>;
  if (typeof inner["message"] !== "string" || inner["message"] === "") return false;
  if (jsonrpc === "2.0") return path === "/mcp" && typeof inner["code"] === "number";
  if (type === "error") return typeof inner["type"] === "string";
  if (path.startsWith("/v1/messages")) return false;
  if (path.startsWith("/api/") && message !== inner["message"]) return false;
  return typeof inner["type"] === "string" && typeof inner["code"] === "string" && "param" in inner;
}
