// Credentials in captured bytes and heads. In a body each is written over byte by byte, so that its length, its chunks and
// the JSON around it stay what they were.

import { NewestTexts } from "../telemetry/newest-texts.ts";
import { isSecretName, redact } from "../telemetry/redact.ts";
import type { HeaderList } from "./format.ts";

const redacted = "[redacted]";

/** Headers that are secret, or tell where somebody is, without being called so. */
const privateHeaders =
  /^(?:bx-ua|bx-umidtoken|forwarded|x-forwarded-for|x-real-ip|cf-connecting-ip|true-client-ip|x-client-ip)$/i;

/** Of a query: signatures of storage, and whatever is called a secret. */
const secretParameter = /(?:token|secret|password|api[_-]?key|signature|credential|accesskeyid|^key|^sig)$/i;

export interface Cover {
  /** Blacks these out, too, from now on. @param known all that is secret now: of what was before, the newest count on */
  learn(known: readonly string[]): void;
  headers(headers: Iterable<readonly [string, string]>): HeaderList;
  url(url: string): string;
  text(text: string): string;
  /** Writes over what it finds between `from` and the end of the window. @param bytes changed in place */
  bytes(bytes: Uint8Array, from: number, to: number): void;
}

/** Tokens are renewed for as long as the process runs, and each is looked for in every body. */
const mostSecrets = 2000;

/** Longest secret that is found although a window ends within it. */
export const longestSecretBytes = 16 * 1024;

/**
 * Of a body only what can be nothing else than a credential: whatever was said must stay as it was said. The first group
 * stands before the secret, the second is the secret. Repetitions are bounded, so that a hostile text costs linear time.
 */
const patterns: readonly RegExp[] = [
  // A JSON web token.
  /()(\beyJ[\w-]{8,8192}(?:\.[\w-]{0,8192}){1,4})/g,
  /(\bBearer\s{1,4})([\w.~+/=-]{20,8192})/g,
  /()(\bsk-[\w-]{16,256})/g,
  // A key of this gateway; its prefix alone is none.
  /()(\bqg-[\w-]{16,256})/g,
  // Fields of JSON that is not itself inside a text, where its quotes are escaped. Short tokens are words
  // of a model.
  /("[\w-]{0,64}token"\s{0,4}:\s{0,4}")([^"\\\s]{16,8192})/gi,
  /("[\w-]{0,64}(?:(?:access|refresh|security|session|auth)_?token|secret|authorization|api[_-]?key|access_?key_?id|cookies?)"\s{0,4}:\s{0,4}")([^"\\]{6,8192})/gi,
  /("[\w-]{0,64}(?:password|passwd)"\s{0,4}:\s{0,4}")((?:[^"\\]|\\.){1,1024})/gi,
  // Signed addresses of storage.
  /([?&][\w-]{0,64}(?:token|signature|secret|password|api[_-]?key|credential|accesskeyid)=)([^&"'\s\\]{6,8192})/gi,
  /((?:^|&)(?:password|token|secret)=)([^&"'\s\\]{6,1024})/gi,
];

const star = 0x2a;

/** @param known texts that are secret wherever they stand: keys and tokens of the settings */
export function createCover(known: readonly string[]): Cover {
  const secrets = new NewestTexts(mostSecrets);
  const learn = (texts: readonly string[]): void => {
    const spellings = new Set<string>();
    for (const text of texts) {
      if (text.length < 8) continue;
      // In small letters, too: so the log quotes some servers.
      spellings.add(text).add(text.toLowerCase());
    }
    secrets.add(spellings);
  };
  learn(known);

  function withoutKnown(text: string): string {
    let safe = text;
    for (const secret of secrets) safe = safe.replaceAll(secret, redacted);
    return safe;
  }

  const text = (value: string): string => redact(withoutKnown(value));

  function bytes(all: Uint8Array, from: number, to: number): void {
    // Latin-1: a character is a byte, and what is looked for is ASCII.
    const window = Buffer.from(all.buffer, all.byteOffset + from, to - from).toString("latin1");
    for (const secret of secrets) {
      for (let at = window.indexOf(secret); at >= 0; at = window.indexOf(secret, at + secret.length)) {
        all.fill(star, from + at, from + at + secret.length);
      }
    }
    for (const pattern of patterns) {
      for (const match of window.matchAll(pattern)) {
        const start = from + match.index + (match[1] ?? "").length;
        all.fill(star, start, start + (match[2] ?? "").length);
      }
    }
  }

  return {
    learn,
    headers: (headers) =>
      [...headers].map(([name, value]) =>
        isSecretName(name) || privateHeaders.test(name) ? [name, redacted] : [name, text(value)],
      ),
    url: (url) => coverUrl(url, withoutKnown),
    text,
    bytes,
  };
}

function coverUrl(url: string, withoutKnown: (text: string) => string): string {
  const [address = "", query] = splitOnce(url, "?");
  const place = withoutKnown(address).replace(/\/\/[^/@]{0,1024}@/, "//");
  if (query === undefined) return place;
  const parameters = query.split("&").map((parameter) => {
    const [name = "", value] = splitOnce(parameter, "=");
    if (value === undefined) return withoutKnown(parameter);
    return secretParameter.test(name) ? `${name}=${redacted}` : `${name}=${withoutKnown(redact(value))}`;
  });
  return `${place}?${parameters.join("&")}`;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
