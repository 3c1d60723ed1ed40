// What people paste when they are asked for their credentials: a token, a Cookie header, headers line by line, a request
// copied as curl or fetch, a HAR file, an export of cookies. Every header is taken except those of one connection.

import { isJsonObject, type JsonObject } from "../contract/json.ts";
import type { GivenCredentials } from "./account.ts";
import { isWindowsCommand, splitShellWords, splitWindowsWords } from "./shell-words.ts";

export interface PastedCredentials extends GivenCredentials {
  /** What it was taken for. */
  readonly form: "token" | "cookies" | "headers" | "curl" | "fetch" | "har";
}

export interface ParseOptions {
  /** Requests to others are not looked at, where there are several, and refused where there is one. */
  readonly host: string;
}

/** What was pasted cannot be used. Its message quotes nothing of it but a host. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

/** Of a terminal, in front of a request that was copied out of it. */
const shellPrompt = /^[^'"=;\r\n]*[$%#>]\s+(?=curl(?:\.exe)?\s)/i;

/** @throws {CredentialsError} that says what was looked for. */
export function parseCredentials(pasted: string, options: ParseOptions): PastedCredentials {
  const text = pasted
    .replace(/^\uFEFF/, "")
    .trim()
    .replace(shellPrompt, "");
  if (text === "") throw new CredentialsError("Cannot read the credentials: nothing was given");
  const found = recognize(text, options);
  if (found.token === undefined && found.cookies === undefined) {
    const advice = "copy the request once more, with its cookies (a HAR file: with sensitive data)";
    throw new CredentialsError(`Cannot use the credentials: there is neither a token nor a cookie in them; ${advice}`);
  }
  return found;
}

function recognize(text: string, options: ParseOptions): PastedCredentials {
  if (/^curl(\.exe)?\s/i.test(text)) return fromCurl(text, options);
  if (/^(await\s+)?fetch\s*\(/.test(text)) return fromFetch(text, options);
  if (text.startsWith("{") || text.startsWith("[")) return fromJson(text, options);
  if (isHeaderBlock(text)) return fromBlock(headerLines(text), options);
  if (/[\r\n]/.test(text)) throw notUnderstood();
  const withoutQuotes = text.replace(/^(["'])(.*)\1$/, "$2").trim();
  // A token may end in "="; a cookie has a name before and a value behind it.
  if (/^[^\s=;]+=[^=\s]|;/.test(withoutQuotes)) return fromHeaders([["cookie", withoutQuotes]], "cookies");
  if (/^(bearer\s+)?[!-~]+$/i.test(withoutQuotes)) return fromHeaders([["authorization", withoutQuotes]], "token");
  throw notUnderstood();
}

function notUnderstood(): CredentialsError {
  return new CredentialsError(
    "Cannot read the credentials: this is no token, no Cookie header, no request copied as cURL or fetch, and no HAR file",
  );
}

type Headers = readonly (readonly [name: string, value: string])[];

/** Of one connection or one body only: they say nothing about an account. */
const connectionLevel =
  /^(?::.*|host|connection|proxy-.*|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|content-encoding|range|if-.*)$/;

function fromHeaders(given: Headers, form: PastedCredentials["form"]): PastedCredentials {
  let token: string | undefined;
  let cookies: string | undefined;
  const headers: Record<string, string> = {};
  for (const [rawName, rawValue] of given) {
    const name = rawName.trim().toLowerCase();
    const value = rawValue.trim();
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || value === "" || connectionLevel.test(name)) continue;
    if (!/^[ -~]+$/.test(value)) {
      throw new CredentialsError(`Cannot use the header "${name}": it holds characters that no header can carry`);
    }
    if (name === "authorization") token = value.replace(/^bearer\s+/i, "").trim() || undefined;
    else if (name === "cookie") cookies = cookies === undefined ? value : `${cookies}; ${value}`;
    else headers[name] = value;
  }
  return { form, token, cookies, headers };
}

function fromBlock(headers: Headers, options: ParseOptions): PastedCredentials {
  for (const [name, value] of headers) {
    if (/^(host|:authority)$/i.test(name.trim())) requireQwen(`https://${value.trim()}`, options);
  }
  return fromHeaders(headers, "headers");
}

function isHeaderBlock(text: string): boolean {
  const lines = text.split(/\r?\n/);
  return (
    lines.some((line) => /^[\w-]+: /.test(line)) && lines.every((line) => isHeaderLine(line) || isRequestLine(line))
  );
}

function isHeaderLine(line: string): boolean {
  return line.trim() === "" || /^:?[\w-]+:(\s|$)/.test(line);
}

function isRequestLine(line: string): boolean {
  return /^(GET|POST|PUT|DELETE) \S+/.test(line);
}

function headerLines(text: string): Headers {
  return text
    .split(/\r?\n/)
    .filter((line) => !isRequestLine(line))
    .map(splitHeader)
    .filter((header) => header !== undefined);
}

function splitHeader(line: string): readonly [string, string] | undefined {
  // A pseudo header begins with its colon.
  const at = line.indexOf(":", 1);
  return at < 0 ? undefined : [line.slice(0, at), line.slice(at + 1)];
}

/** Flags whose value is no header: it must not be taken for one, whatever it begins with. */
const otherValues = new Set(
  "-d --data --data-raw --data-binary --data-ascii --data-urlencode --json -F --form -X --request --url -o --output -x --proxy -m --max-time --connect-timeout -w --write-out --resolve -T --upload-file".split(
    " ",
  ),
);

/** The cookies of another site are nothing that Qwen should read. */
function requireQwen(address: string, { host }: ParseOptions): void {
  const url = URL.parse(address);
  if (url === null || url.host === host || isOfQwen(url.hostname)) return;
  throw new CredentialsError(`Cannot use the request: it was sent to ${url.host} and not to ${host}`);
}

function isOfQwen(hostname: string): boolean {
  return /(^|\.)qwen\.ai$/.test(hostname);
}

/** Exports of a whole browser name the site of each cookie. */
function isForeign(cookie: JsonObject, { host }: ParseOptions): boolean {
  const { domain } = cookie;
  if (typeof domain !== "string" || domain === "") return false;
  const site = domain.toLowerCase().replace(/^\./, "");
  const { hostname } = new URL(`http://${host}`);
  return !isOfQwen(site) && hostname !== site && !hostname.endsWith(`.${site}`);
}

function fromCurl(text: string, options: ParseOptions): PastedCredentials {
  const words = isWindowsCommand(text) ? splitWindowsWords(text) : splitShellWords(text);
  const headers: (readonly [string, string])[] = [];
  for (let at = 1; at < words.length; at++) {
    const { flag, value, isJoined } = readFlag(words[at] ?? "", words[at + 1]);
    if (flag === undefined) requireQwen(words[at] ?? "", options);
    if (flag === undefined) continue;
    if (!isJoined && (flag in headerFlags || otherValues.has(flag))) at++;
    const header = headerFlags[flag]?.(value);
    if (header !== undefined) headers.push(header);
  }
  return fromHeaders(headers, "curl");
}

const headerFlags: Readonly<Record<string, (value: string) => readonly [string, string] | undefined>> = {
  "-H": splitHeader,
  "--header": splitHeader,
  "-b": cookieFlag,
  "--cookie": cookieFlag,
  "-A": (value) => ["user-agent", value],
  "--user-agent": (value) => ["user-agent", value],
  "-e": (value) => ["referer", value],
  "--referer": (value) => ["referer", value],
  "--oauth2-bearer": (value) => ["authorization", value],
};

/** Without "=" it names a file. */
function cookieFlag(value: string): readonly [string, string] | undefined {
  return value.includes("=") ? ["cookie", value] : undefined;
}

function readFlag(
  word: string,
  next: string | undefined,
): { readonly flag: string | undefined; readonly value: string; readonly isJoined: boolean } {
  if (word.startsWith("--")) {
    const at = word.indexOf("=");
    if (at > 0) return { flag: word.slice(0, at), value: word.slice(at + 1), isJoined: true };
    return { flag: word, value: next ?? "", isJoined: false };
  }
  if (!/^-[A-Za-z]/.test(word)) return { flag: undefined, value: "", isJoined: false };
  const flag = word.slice(0, 2);
  const takesValue = flag in headerFlags || otherValues.has(flag);
  if (takesValue && word.length > 2) return { flag, value: word.slice(2), isJoined: true };
  return { flag, value: next ?? "", isJoined: false };
}

function fromFetch(text: string, place: ParseOptions): PastedCredentials {
  requireQwen(/^[^"'`]*["'`]([^"'`]*)/.exec(text)?.[1] ?? "", place);
  const options = parseJson(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
  const headers = isJsonObject(options) ? options["headers"] : undefined;
  if (!isJsonObject(headers)) throw notUnderstood();
  return fromHeaders(textEntries(headers), "fetch");
}

function fromJson(text: string, options: ParseOptions): PastedCredentials {
  const value = parseJson(text);
  if (Array.isArray(value)) {
    const cookies: readonly unknown[] = value;
    if (namedValues(cookies).length === 0) throw notUnderstood();
    const own = namedValues(cookies.filter((cookie) => !isJsonObject(cookie) || !isForeign(cookie, options)));
    if (own.length === 0) throw new CredentialsError(`Cannot use the cookies: none of them is of ${options.host}`);
    return fromHeaders([["cookie", own.map(([name, cookie]) => `${name}=${cookie}`).join("; ")]], "cookies");
  }
  const log = isJsonObject(value) ? value["log"] : undefined;
  const entries = isJsonObject(log) ? log["entries"] : undefined;
  if (!Array.isArray(entries)) throw notUnderstood();
  return fromHar(entries, options);
}

/**
 * The newest request to the host decides; one that sent a message tells more headers than any other. The credentials are the
 * newest of all: the page may have exchanged those of that message since, which ends them.
 */
function fromHar(entries: readonly unknown[], { host }: ParseOptions): PastedCredentials {
  const requests = entries
    .filter(isJsonObject)
    .map((entry) => ({ request: entry["request"], startedAtMs: Date.parse(String(entry["startedDateTime"])) || 0 }))
    .filter((entry): entry is { request: JsonObject; startedAtMs: number } => isJsonObject(entry.request))
    .filter(({ request }) => URL.parse(String(request["url"]))?.host === host)
    .toSorted((one, other) => other.startedAtMs - one.startedAtMs)
    .map(({ request }) => ({ url: String(request["url"]), headers: harHeaders(request) }));
  const rank = ({ url, headers }: (typeof requests)[number]): number =>
    Number(headers.some(isCredential)) * 2 + Number(url.includes("/chat/completions"));
  const [best] = requests.toSorted((one, other) => rank(other) - rank(one));
  if (best === undefined) throw new CredentialsError(`Cannot use the HAR file: it holds no request to ${host}`);
  const newest = (name: string): Headers =>
    requests
      .map(({ headers }) => headers.filter((header) => isCalled(header, name)))
      .find(({ length }) => length > 0) ?? [];
  const others = best.headers.filter((header) => !isCredential(header));
  return fromHeaders([...others, ...credentialNames.flatMap(newest)], "har");
}

const credentialNames = ["authorization", "cookie"];

function isCredential(header: Headers[number]): boolean {
  return credentialNames.some((name) => isCalled(header, name));
}

function isCalled([given]: Headers[number], name: string): boolean {
  return given.trim().toLowerCase() === name;
}

/** Some browsers list the cookies apart and not among the headers. */
function harHeaders(request: JsonObject): Headers {
  const headers = namedValues(request["headers"]);
  const cookies = namedValues(request["cookies"]);
  if (cookies.length === 0 || headers.some(([name]) => name.toLowerCase() === "cookie")) return headers;
  return [...headers, ["cookie", cookies.map(([name, value]) => `${name}=${value}`).join("; ")]];
}

function namedValues(list: unknown): Headers {
  if (!Array.isArray(list)) return [];
  return list.filter(isJsonObject).flatMap(({ name, value }): Headers => {
    return typeof name === "string" && typeof value === "string" ? [[name, value]] : [];
  });
}

function textEntries(object: JsonObject): Headers {
  return Object.entries(object).flatMap(([name, value]): Headers => (typeof value === "string" ? [[name, value]] : []));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Its own message would quote what was pasted.
    throw new CredentialsError("Cannot read the credentials: they look like JSON, but the text is not whole");
  }
}
