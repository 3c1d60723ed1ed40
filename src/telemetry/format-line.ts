// One log record to one line of text, for people or for machines. Values are bounded and cannot forge a second line.

import { briefOf } from "../contract/excerpt.ts";
import type { LogFields, LogLevel } from "./log.ts";
import { redact, redactField } from "./redact.ts";

export interface LogRecord {
  readonly timeMs: number;
  readonly level: Exclude<LogLevel, "silent">;
  readonly message: string;
  readonly fields: LogFields;
  readonly error?: unknown;
}

type Value = string | number | boolean | null;

interface ErrorDescription {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

const maxTextChars = 4000;
const maxCauses = 5;
/** Names that belong to the line itself; a field of that name gets an underscore. */
const ownNames = new Set(["time", "level", "message", "error"]);

export function formatJson({ timeMs, level, message, fields, error }: LogRecord): string {
  const line: Record<string, unknown> = { time: new Date(timeMs).toISOString(), level, message: safeText(message) };
  for (const [name, value] of safeFields(fields)) line[ownNames.has(name) ? `${name}_` : name] = value;
  if (error !== undefined) line["error"] = describeError(error);
  return escapeInvisible(JSON.stringify(line));
}

/** Stack and causes follow on indented lines: no text inside an error can look like a line of the log. */
export function formatPretty({ timeMs, level, message, fields, error }: LogRecord): string {
  const words = [localTime(timeMs), level.toUpperCase().padEnd(5), escapeControls(safeText(message))];
  for (const [name, value] of safeFields(fields)) words.push(`${escapeControls(name)}=${prettyValue(value)}`);
  const lines = [words.join(" ")];
  let description = error === undefined ? undefined : describeError(error);
  for (let label = ""; description !== undefined; label = "Caused by: ", description = description.cause) {
    const { name, message: reason, stack } = description;
    const text = stack?.includes(reason) ? stack : [`${name}: ${reason}`, stack ?? ""].join("\n");
    for (const line of `${label}${text}`.split(/\r\n|[\r\n]/)) {
      if (line.trim() !== "") lines.push(`    ${escapeControls(line)}`);
    }
  }
  return lines.join("\n");
}

function safeFields(fields: LogFields): [string, Value][] {
  const safe: [string, Value][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    safe.push([name, typeof value === "string" ? redactField(name, briefOf(value, maxTextChars)) : value]);
  }
  return safe;
}

function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) {
    const text = typeof error === "object" && error !== null ? "a thrown object" : String(error);
    return { name: "NonError", message: safeText(text) };
  }
  const { name, message, stack, cause } = error;
  return {
    name,
    message: safeText(message),
    ...("code" in error && typeof error.code === "string" ? { code: safeText(error.code) } : {}),
    ...(stack === undefined ? {} : { stack: safeText(stack) }),
    ...(cause === undefined || depth === maxCauses ? {} : { cause: describeError(cause, depth + 1) }),
  };
}

function safeText(text: string): string {
  return redact(briefOf(text, maxTextChars));
}

function prettyValue(value: Value): string {
  if (typeof value !== "string") return String(value);
  return /^[\w.,:;/@+*?&()[\]{}<>-]+$/.test(value) ? value : escapeInvisible(JSON.stringify(value));
}

/** C0 controls, and what escapeInvisible covers. */
function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
  return escapeInvisible(text.replace(/[\x00-\x1f]/g, (character) => JSON.stringify(character).slice(1, -1)));
}

/**
 * DEL, the C1 controls that some terminals obey, line separators, and marks that reorder text on the screen.
 * JSON.stringify leaves all of them as they are; the escapes are valid JSON.
 */
function escapeInvisible(text: string): string {
  return text.replace(/[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function localTime(timeMs: number): string {
  const date = new Date(timeMs);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0"));
  return `${clock.join(":")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
