// The routes of files that clients upload once and name in their messages: taken, listed, looked at, read and deleted.

import { fileTypeOf } from "../../attachments/file-type.ts";
import type { Clock } from "../../contract/clock.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { randomId } from "../../contract/random-id.ts";
import type { FileLimits, FileQuestion, FileStore, KeptFile } from "../../store/file-store.ts";
import type { Edge } from "../create-server.ts";
import { type FileForm, formOf, openaiFiles } from "./file-wire.ts";
import { type Form, parseForm } from "../body/parse-form.ts";
import { parseLimit } from "../body/parse-limit.ts";
import { parseOrder } from "../body/parse-order.ts";
import { readBody } from "../body/read-body.ts";
import { pathRest, queryOf, type ServerRoute, type Trip } from "../trip.ts";

export interface FileRoutesOptions extends Pick<Edge, "maxBodyBytes"> {
  openStore(): Promise<FileStore>;
  readonly limits: FileLimits;
  /** Of one file. */
  readonly maxFileBytes: number;
  /** A client may ask for less. */
  readonly keepMs: number;
  readonly clock: Clock;
}

const filesPath = "/v1/files";
const contentEnd = "/content";
const maxNameChars = 255;
const mostListed = 10_000;
const defaultPurpose = "user_data";

export function fileRoutes(options: FileRoutesOptions): ServerRoute[] {
  const { openStore, limits, maxFileBytes, clock } = options;

  async function upload(trip: Trip): Promise<Response> {
    const form = formOf(trip.request);
    const { name, bytes, purpose, keepMs } = await readUpload(trip.request, options, form);
    if (bytes.length > maxFileBytes) throw tooLarge(`one may have ${maxFileBytes} bytes`);
    if (bytes.length === 0) throw wrong("file", "it is empty");
    const createdAtMs = clock();
    const file: KeptFile = {
      id: `file-${randomId()}`,
      name,
      purpose,
      mediaType: fileTypeOf(bytes, name)?.mediaType ?? "application/octet-stream",
      bytes: bytes.length,
      createdAtMs,
      expiresAtMs: createdAtMs + keepMs,
    };
    const refusal = await (await openStore()).add(trip.caller, file, bytes, limits);
    if (refusal === "maxFiles") throw tooLarge(`${limits.maxFiles} are kept already: delete one first`);
    if (refusal === "maxBytes") throw tooLarge(`all together may have ${limits.maxBytes} bytes: delete some first`);
    return Response.json(form.encode(file));
  }

  async function list(trip: Trip): Promise<Response> {
    const form = formOf(trip.request);
    const { question, place } = parseList(queryOf(trip.request), form);
    const page = await (await openStore()).list(trip.caller, question);
    if (page === undefined) throw wrongList(place, `${place} names none of your files`);
    return Response.json(form.encodeList(page.files, page.hasMore));
  }

  async function read(trip: Trip): Promise<Response> {
    const rest = pathRest(trip, `${filesPath}/`) ?? "";
    const isContent = rest.endsWith(contentEnd);
    const id = isContent ? rest.slice(0, -contentEnd.length) : rest;
    const store = await openStore();
    const file = await store.find(trip.caller, id);
    if (file === undefined) throw notFound();
    if (!isContent) return Response.json(formOf(trip.request).encode(file));
    const content = await store.readContent(trip.caller, id);
    if (content === undefined) throw notFound();
    return new Response(content, {
      headers: {
        "content-type": file.mediaType,
        // What somebody has uploaded is no page of ours.
        "content-disposition": `attachment; filename*=UTF-8''${encodeName(file.name)}`,
        "x-content-type-options": "nosniff",
      },
    });
  }

  async function remove(trip: Trip): Promise<Response> {
    const id = pathRest(trip, `${filesPath}/`) ?? "";
    if (!(await (await openStore()).forget(trip.caller, id))) throw notFound();
    return Response.json(formOf(trip.request).encodeDeleted(id));
  }

  return [
    { method: "POST", path: filesPath, answer: upload },
    { method: "GET", path: filesPath, answer: list },
    { method: "GET", path: `${filesPath}/*`, answer: read },
    { method: "DELETE", path: `${filesPath}/*`, answer: remove },
  ];
}

interface Upload {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly purpose: string;
  readonly keepMs: number;
}

/** @throws {GatewayError} `invalid-request` with the field named, `too-large` */
async function readUpload(
  request: Request,
  { maxBodyBytes, keepMs }: Pick<FileRoutesOptions, "maxBodyBytes" | "keepMs">,
  form: FileForm,
): Promise<Upload> {
  const fields = await readForm(request, maxBodyBytes);
  const file = fields.get("file");
  if (file === null) throw wrong("file", "it is missing");
  if (typeof file === "string") throw wrong("file", "it must be a file, with a name");
  return {
    name: cleanName(file.name),
    bytes: await file.bytes(),
    purpose: parsePurpose(fields.get("purpose"), form),
    keepMs: Math.min(keepMs, parseExpiry(fields) ?? keepMs),
  };
}

async function readForm(request: Request, maxBodyBytes: number): Promise<Form> {
  const contentType = request.headers.get("content-type") ?? "";
  const body = await readBody(request, maxBodyBytes);
  if (!/^multipart\/form-data\b/i.test(contentType))
    throw wrong("file", "the request must be a form with a file in it");
  return await parseForm(body, contentType);
}

/** OpenAI wants one, Anthropic has none. What it says changes nothing here. */
function parsePurpose(value: unknown, form: FileForm): string {
  if (value === null && form !== openaiFiles) return defaultPurpose;
  if (typeof value === "string" && /^[a-z][a-z_-]{0,39}$/.test(value)) return value;
  throw wrong("purpose", "it must be a word such as user_data or vision");
}

const shortestSeconds = 3600;
const longestSeconds = 30 * 24 * 3600;

function parseExpiry(fields: Form): number | undefined {
  const seconds = fields.get("expires_after[seconds]");
  const anchor = fields.get("expires_after[anchor]");
  if (seconds === null && anchor === null) return undefined;
  const isKnown = anchor === null || anchor === "created_at";
  const number = Number(seconds);
  if (isKnown && Number.isInteger(number) && number >= shortestSeconds && number <= longestSeconds)
    return number * 1000;
  throw wrong("expires_after", `it must count from created_at, ${shortestSeconds} to ${longestSeconds} seconds`);
}

/** Where a page begins: OpenAI's names, and Anthropic's. */
const places = ["after", "after_id", "before", "before_id"] as const;

/** @throws {GatewayError} `invalid-request` */
function parseList(query: URLSearchParams, form: FileForm): { question: FileQuestion; place: string } {
  const usual = form === openaiFiles ? mostListed : 20;
  const limit = parseLimit(query.get("limit"), "files", { usual, most: mostListed });
  const order = parseOrder(query);
  const [place = "", other] = places.filter((name) => query.has(name)).reverse();
  if (other !== undefined) throw wrongList(place, `${other} and ${place} cannot be used together`);
  const id = query.get(place);
  const side = place.startsWith("before") ? "before" : "behind";
  const from = id === null ? undefined : ({ id, side } as const);
  return { question: { order, from, limit, purpose: query.get("purpose") ?? undefined }, place };
}

function wrongList(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Cannot list files: ${reason}`, { param });
}

function cleanName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  const clean = last.replaceAll(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
  return clean === "" ? "file" : clean.slice(-maxNameChars).toWellFormed();
}

function encodeName(name: string): string {
  return encodeURIComponent(name).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function wrong(param: string, reason: string): GatewayError {
  return new GatewayError("invalid-request", `Cannot take "${param}": ${reason}`, { param });
}

function tooLarge(reason: string): GatewayError {
  return new GatewayError("too-large", `Cannot keep the file: ${reason}`, { param: "file" });
}

function notFound(): GatewayError {
  return new GatewayError("not-found", "Cannot find this file: it has expired, was deleted, or never was");
}
