// What a part of a message leads to, as bytes: out of its own address, or fetched where that may be. What is wrong with it
// is told with the field in which its client wrote it.

import type { ContentPart } from "../contract/chat-request.ts";
import type { Clock } from "../contract/clock.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { isJsonObject } from "../contract/json.ts";
import { isTimeout } from "../contract/thrown.ts";
import { DownloadRefusal, type GuardedDownload } from "../outbound/guarded-download.ts";
import { bytesOf, bytesOfBase64, mostBytesOf, parseDataUrl } from "./data-url.ts";
import { type FileKind, type FileType, fileTypeOf } from "./file-type.ts";
import { createKeptValues } from "./kept-values.ts";
import { orAborted } from "../outbound/or-aborted.ts";

export interface Attachment extends FileType {
  readonly bytes: Uint8Array;
  /** As its client calls it; undefined where it does not. Without folders, bounded. */
  readonly name: string | undefined;
}

export type AttachedPart = Exclude<ContentPart, { readonly type: "text" }>;

export interface AttachmentLoader {
  /** @throws {GatewayError} `invalid-request`, `too-large`, with the field named; or the reason of the signal */
  load(part: AttachedPart, signal: AbortSignal): Promise<Attachment>;
  /**
   * The words of a document, under its name where it has one.
   * @throws {GatewayError} as above, also for what has no words
   */
  readText(part: AttachedPart, signal: AbortSignal): Promise<string>;
}

export interface AttachmentOptions {
  /** Of one file. */
  readonly maxBytes: number;
  /** Undefined: only addresses that hold their own bytes are taken. */
  readonly download: GuardedDownload | undefined;
  /** Of one fetch. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const maxNameChars = 100;
/** Clients send their whole history with each turn: what it shows is not fetched, and not read, each time. */
const keptMs = 10 * 60_000;
const keptBytes = 64 * 1024 * 1024;

export function createAttachmentLoader(options: AttachmentOptions): AttachmentLoader {
  const { clock } = options;
  const kept = { maxBytes: keptBytes, lifetimeMs: keptMs, clock };
  const fetched = createKeptValues<Uint8Array>({ ...kept, sizeOf: (bytes) => bytes.length });
  const texts = createKeptValues<string>({ ...kept, sizeOf: (text) => text.length * 2 });

  async function load(part: AttachedPart, signal: AbortSignal): Promise<Attachment> {
    const { url, name } = placeOf(part);
    const parsed = parseDataUrl(url);
    if (parsed === undefined) return checked(part, await fetchFrom(part, url, signal), name ?? nameIn(url));
    if (mostBytesOf(parsed) > options.maxBytes + 3) throw tooLarge(part);
    const bytes = bytesOf(parsed);
    if (bytes === undefined) throw wrong(part, "its data: URL holds no valid data");
    return checked(part, bytes, name);
  }

  async function fetchFrom(part: AttachedPart, url: string, signal: AbortSignal): Promise<Uint8Array> {
    if (!/^https?:/i.test(url)) throw wrong(part, "it must be an http, https or data: URL");
    if (options.download === undefined) {
      throw wrong(part, "files are not fetched here: send this one as a data: URL");
    }
    const { download, maxBytes, timeoutMs } = options;
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const fetching = fetched.take(url, async () => {
        return (await download(url, { maxBytes, signal: limit, allowsHttp: true })).bytes;
      });
      return await orAborted(fetching, signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (isTimeout(cause)) throw wrong(part, `its server did not send it within ${timeoutMs} ms`, cause);
      if (!(cause instanceof DownloadRefusal)) throw wrong(part, "its server cannot be reached", cause);
      throw cause.isTooLarge ? tooLarge(part, cause) : wrong(part, cause.reason, cause);
    }
  }

  async function readText(part: AttachedPart, signal: AbortSignal): Promise<string> {
    const { bytes, name, mediaType, kind } = await load(part, signal);
    if (kind !== "document")
      throw wrong(part, "it is not a document, and this upstream reads nothing else in its place");
    const key = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    const { readFile } = await import("../documents/read-file.ts");
    try {
      const file = { name: name ?? "", type: readableType(mediaType), bytes };
      const reading = texts.take(key, async () => {
        return (await readFile(file, options.maxBytes, AbortSignal.timeout(readTimeoutMs))).text;
      });
      const text = await orAborted(reading, signal);
      return name === undefined ? text : `${name}:\n${text}`;
    } catch (cause) {
      signal.throwIfAborted();
      if (isTimeout(cause)) throw wrong(part, `it could not be read within ${readTimeoutMs} ms`, cause);
      if (!(cause instanceof GatewayError)) throw cause;
      if (cause.kind === "too-large") throw tooLarge(part, cause);
      throw wrong(part, cause.message.replace(/^Cannot read the document: (?:file|text) /, "it "), cause);
    }
  }

  function checked(part: AttachedPart, bytes: Uint8Array, name: string | undefined): Attachment {
    if (bytes.length > options.maxBytes) throw tooLarge(part);
    if (bytes.length === 0) throw wrong(part, "it is empty");
    const type = fileTypeOf(bytes, name);
    if (type === undefined || !wantedKinds(part).includes(type.kind)) throw wrong(part, wantedTypes(part));
    return { ...type, bytes, name: cleanName(name) };
  }

  function tooLarge(part: AttachedPart, cause?: unknown): GatewayError {
    const { field } = part;
    return new GatewayError(
      "too-large",
      `Cannot use ${told(field)}: a file may have at most ${options.maxBytes} bytes`,
      {
        cause,
        ...(field === undefined ? {} : { param: field }),
      },
    );
  }

  return { load, readText };
}

const readTimeoutMs = 20_000;

/** What is no page is read as it stands. */
function readableType(mediaType: string): string {
  const isOwn = mediaType === "application/pdf" || mediaType === "text/html";
  return isOwn || !/^text\/|json$|xml$/.test(mediaType) ? mediaType : "text/plain";
}

function placeOf(part: AttachedPart): { readonly url: string; readonly name: string | undefined } {
  switch (part.type) {
    case "image":
      return { url: part.url, name: undefined };
    case "file":
      // Some clients leave the head of the address away.
      return { url: hasScheme(part.url) ? part.url : `data:;base64,${part.url}`, name: part.name };
    case "media":
      return { url: mediaUrl(part), name: undefined };
    default:
      return part satisfies never;
  }
}

function hasScheme(url: string): boolean {
  return /^[a-z][a-z\d+.-]*:/i.test(url.slice(0, 30));
}

/** OpenAI's `input_audio` is base64 without an address around it, Model Studio's an address in the same place. */
function mediaUrl(part: Extract<AttachedPart, { readonly type: "media" }>): string {
  const { type } = part.part;
  const inner = typeof type === "string" ? part.part[type] : undefined;
  if (typeof inner === "string") return inner;
  const { data, url } = isJsonObject(inner) ? inner : part.part;
  if (typeof url === "string") return url;
  if (typeof data !== "string") throw wrong(part, "it must hold its data, or a URL that leads to it");
  if (/^(?:https?|data):/i.test(data.slice(0, 8))) return data;
  if (bytesOfBase64(data) === undefined) throw wrong(part, "its data is not base64");
  return `data:;base64,${data}`;
}

function wantedKinds(part: AttachedPart): readonly FileKind[] {
  switch (part.type) {
    case "image":
      return ["image"];
    case "media":
      return ["audio", "video"];
    case "file":
      return ["document", "image", "audio", "video"];
    default:
      return part satisfies never;
  }
}

function wantedTypes(part: AttachedPart): string {
  switch (part.type) {
    case "image":
      return "it is not a picture in PNG, JPEG, GIF, WebP or BMP";
    case "media":
      return "it is neither a sound in WAV, MP3, M4A, FLAC or Ogg nor a film in MP4, MOV or WebM";
    case "file":
      return "it is not a PDF, text in UTF-8, Office document, picture, sound or film of a known kind";
    default:
      return part satisfies never;
  }
}

function wrong(part: AttachedPart, reason: string, cause?: unknown): GatewayError {
  const { field } = part;
  return new GatewayError("invalid-request", `Cannot use ${told(field)}: ${reason}`, {
    cause,
    ...(field === undefined ? {} : { param: field }),
  });
}

function told(field: string | undefined): string {
  return field === undefined ? "an attachment" : `"${field}"`;
}

/** The last piece of the path. */
function nameIn(url: string): string | undefined {
  const piece = URL.canParse(url) ? new URL(url).pathname.split("/").at(-1) : undefined;
  if (piece === undefined || piece === "") return undefined;
  try {
    return decodeURIComponent(piece);
  } catch {
    // An escape that is none: it is a name all the same.
    return piece;
  }
}

function cleanName(name: string | undefined): string | undefined {
  const last = (name ?? "").split(/[\\/]/).at(-1) ?? "";
  const clean = last.replaceAll(/[\p{Cc}\p{Cf}\s"<>]+/gu, " ").trim();
  return clean === "" ? undefined : clean.slice(-maxNameChars).toWellFormed();
}
