// What was uploaded, by id: announced first, put later. Texts are kept within bounds, of all else what it was.

import { isUtf8 } from "node:buffer";
import { userIdOf } from "./accounts.ts";
import { createUuid } from "./random.ts";

export interface Announcement {
  readonly account: string;
  readonly name: string;
  /** image, video, audio or file; clients of 2026 also send a media type. */
  readonly kind: string;
  readonly size: number | undefined;
}

/** A file as the emulator saw it. */
export interface SeenFile extends Announcement {
  readonly fileId: string;
  readonly filePath: string;
  /** Undefined while it was only announced. */
  readonly stored: StoredFile | undefined;
  readonly isParsed: boolean;
}

interface StoredFile {
  readonly bytes: number;
  readonly sha256: string;
  readonly contentType: string;
  /** "" where it is none. */
  readonly text: string;
}

export interface FileStore {
  announce(file: Announcement, idSource: string): SeenFile;
  /** By the end of the path it is put to. */
  findByPath(path: string): SeenFile | undefined;
  find(fileId: string): SeenFile | undefined;
  put(fileId: string, bytes: Uint8Array, contentType: string): void;
  markParsed(fileId: string): void;
  /** "" for what was never put, or is no text. */
  textOf(fileId: string): string;
  all(): readonly SeenFile[];
  clear(): void;
}

const mostFiles = 200;
const maxFileChars = 1_000_000;

export function createFileStore(): FileStore {
  const files = new Map<string, SeenFile>();
  let announced = 0;
  const change = (fileId: string, changes: Partial<SeenFile>): void => {
    const file = files.get(fileId);
    if (file !== undefined) files.set(fileId, { ...file, ...changes });
  };
  return {
    announce(announcement, idSource) {
      const fileId = createUuid(idSource, "file", ++announced);
      const filePath = `${userIdOf(announcement.account)}/${fileId}_${announcement.name.replaceAll("/", "_")}`;
      const file: SeenFile = { ...announcement, fileId, filePath, stored: undefined, isParsed: false };
      files.set(fileId, file);
      const [oldest] = files.keys();
      if (files.size > mostFiles && oldest !== undefined) files.delete(oldest);
      return file;
    },
    findByPath: (path) => files.values().find((file) => path.endsWith(`/${file.filePath}`)),
    find: (fileId) => files.get(fileId),
    put(fileId, bytes, contentType) {
      const text = isUtf8(bytes) ? new TextDecoder().decode(bytes).slice(0, maxFileChars) : "";
      const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
      change(fileId, { stored: { bytes: bytes.length, sha256, contentType, text } });
    },
    markParsed: (fileId) => change(fileId, { isParsed: true }),
    textOf: (fileId) => files.get(fileId)?.stored?.text ?? "",
    all: () => [...files.values()],
    clear: () => files.clear(),
  };
}
