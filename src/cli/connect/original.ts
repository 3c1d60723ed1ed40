// A connected agent's file without what connect wrote: the copy where the file is as connect left it, otherwise what remains
// when the entries are taken out.

import type { Agent } from "./agent.ts";
import { type ConnectionRecord, hashOf, type RecordShelf } from "./connection-record.ts";
import { formats } from "./formats.ts";
import { takeOutEntries } from "./merge.ts";
import { type SettingsFile, UnfitFileError } from "./settings-file.ts";

export interface Original {
  /** Undefined: there was no file. */
  readonly bytes: Uint8Array | undefined;
  /** Somebody has changed the file since. */
  readonly isEdited: boolean;
  readonly kept: readonly string[];
}

/** @throws {UnfitTextError | UnfitFileError} when it was edited and cannot be read */
export function originalOf(agent: Agent, file: SettingsFile, record: ConnectionRecord, shelf: RecordShelf): Original {
  const before = shelf.readCopy(record);
  // Who has removed the file does not want it back.
  if (file.bytes === undefined) return { bytes: undefined, isEdited: false, kept: [] };
  const isOurs = hashOf(file.bytes) === record.writtenHash;
  if (isOurs) return { bytes: before, isEdited: false, kept: [] };
  // The process ended between the record and the file, or somebody has put the copy back.
  if (before !== undefined && Buffer.compare(before, file.bytes) === 0)
    return { bytes: before, isEdited: false, kept: [] };
  const { text, kept } = takeOutEntries(formats[agent.format], decodeText(file.path, file.bytes), record.changes);
  // A file that connect has made and the agent has only written in its own form.
  if (before === undefined && /^\s*(?:\{\s*\}\s*)?$/.test(text)) return { bytes: undefined, isEdited: false, kept };
  if (before !== undefined && isOnlyRewritten(agent, text, decodeText(file.path, before)))
    return { bytes: before, isEdited: false, kept };
  return { bytes: Buffer.from(text), isEdited: true, kept };
}

/** Some agents write all of their file in their own form when they start: it says the same, with other white space. */
function isOnlyRewritten({ format }: Agent, text: string, before: string): boolean {
  if (text.replace(/\s+/g, "") !== before.replace(/\s+/g, "")) return false;
  return Bun.deepEquals(formats[format].read(text), formats[format].read(before));
}

/** @throws {UnfitFileError} when it is no UTF-8: it could not be written back as it was */
export function decodeText(path: string, bytes: Uint8Array | undefined): string {
  try {
    return bytes === undefined ? "" : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new UnfitFileError(`Cannot change "${path}": it is not UTF-8 text`, { cause });
  }
}
