// What was uploaded, by id: announced first, put later, kept as text within bounds.

import { userIdOf } from "./accounts.ts";
import { createUuid } from "./random.ts";

export interface FileStore {
  /** @returns the file's id and path. */
  announce(account: string, name: string, idSource: string): { readonly fileId: string; readonly filePath: string };
  /** False when nobody announced the path. */
  put(path: string, text: string): boolean;
  has(fileId: string): boolean;
  /** "" for what was never put. */
  textOf(fileId: string): string;
  clear(): void;
}

const mostFiles = 200;
const maxFileChars = 1_000_000;

export function createFileStore(): FileStore {
  const files = new Map<string, { readonly filePath: string; text: string }>();
  let announced = 0;
  return {
    announce(account, name, idSource) {
      const fileId = createUuid(idSource, "file", ++announced);
      const filePath = `${userIdOf(account)}/${fileId}_${name.replaceAll("/", "_")}`;
      files.set(fileId, { filePath, text: "" });
      const [oldest] = files.keys();
      if (files.size > mostFiles && oldest !== undefined) files.delete(oldest);
      return { fileId, filePath };
    },
    put(path, text) {
      const file = files.values().find((candidate) => path.endsWith(candidate.filePath));
      if (file === undefined) return false;
      file.text = text.slice(0, maxFileChars);
      return true;
    },
    has: (fileId) => files.has(fileId),
    textOf: (fileId) => files.get(fileId)?.text ?? "",
    clear: () => files.clear(),
  };
}
