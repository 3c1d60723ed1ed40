// The last line of defence: what looks like a credential does not reach the log, whoever passed it in.

const redacted = "[redacted]";

// Repetitions are bounded, so that a hostile text costs linear time.
const patterns: readonly (readonly [RegExp, string])[] = [
  // A JSON web token, also one that was cut off.
  [/\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}/g, redacted],
  [/\b(Bearer|Basic)(\s{1,4})[\w.~+/=-]{8,}/gi, `$1$2${redacted}`],
  [/\bsk-[\w-]{16,}/g, redacted],
  // A key of this gateway; its prefix alone is none.
  [/\bqg-[\w-]{16,}/g, redacted],
  // A header line keeps its name only. What our own sentences say of it is no header.
  [
    /\b((?:set-)?cookies?|(?:proxy-)?authorization|x-api-key)(["']?\s{0,4}[:=](?!\s{0,4}(?:Bearer )?<(?:key|token)>")\s{0,4})[^\r\n]+/gi,
    `$1$2${redacted}`,
  ],
  // The name stands first: "token=...", "api_key: ...", in JSON and in URLs too.
  [
    /\b([\w-]{0,32}(?:token|secret|password|api[_-]?key))(["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;&]{6,}/gi,
    `$1$2${redacted}`,
  ],
  // The value of a Cookie header without its name: two or more pairs, one of them long enough to be a secret.
  [/(?:[\w.-]{1,64}=[^;\s]{8,4096};\s{0,4}){1,64}[\w.-]{1,64}=[^;\s]+/g, redacted],
];

/** Every pattern needs one of these: most texts of a line have none, and are looked through once. */
const mayBeSecret = /eyJ|bearer|basic|sk-|qg-|cookie|authorization|api|token|secret|password|;/i;

const secretName = /(?:token|cookies?|secret|password|authorization|api[_-]?key)$/i;

export function redact(text: string): string {
  if (!mayBeSecret.test(text)) return text;
  let safe = text;
  for (const [pattern, replacement] of patterns) safe = safe.replace(pattern, replacement);
  return safe;
}

/** A field whose name says that its text is a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

export function redactField(name: string, text: string): string {
  return isSecretName(name) && text !== "" ? redacted : redact(text);
}
