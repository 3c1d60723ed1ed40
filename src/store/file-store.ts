// What is kept of files that clients upload once and name by their ids. Use cases; the driver stands beside.

export interface KeptFile {
  readonly id: string;
  readonly name: string;
  /** As the client says it; "" where its protocol has none. */
  readonly purpose: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface FileLimits {
  /** Files of one caller. */
  readonly maxFiles: number;
  /** Of all files of one caller. */
  readonly maxBytes: number;
}

export interface FileQuestion {
  /** Newest first, or oldest first. */
  readonly order: "asc" | "desc";
  /** Undefined: from the beginning. Otherwise what stands, in that order, behind this file, or directly before it. */
  readonly from: { readonly id: string; readonly side: "behind" | "before" } | undefined;
  readonly limit: number;
  /** Undefined: whatever it is. */
  readonly purpose: string | undefined;
}

export interface FilePage {
  readonly files: readonly KeptFile[];
  /** On the side that it goes on to. */
  readonly hasMore: boolean;
}

/** All belongs to its caller; what has expired is gone. */
export interface FileStore {
  /** @returns what of the limits stands against it; undefined: it is kept */
  add(caller: string, file: KeptFile, content: Uint8Array, limits: FileLimits): Promise<keyof FileLimits | undefined>;
  /** Undefined: this caller has no such file. */
  find(caller: string, id: string): Promise<KeptFile | undefined>;
  readContent(caller: string, id: string): Promise<Uint8Array | undefined>;
  /** Undefined: the caller has no file where it would begin. */
  list(caller: string, question: FileQuestion): Promise<FilePage | undefined>;
  /** @returns false when there is none */
  forget(caller: string, id: string): Promise<boolean>;
  /** Deletes what has expired, some at a time. */
  sweep(): Promise<void>;
  close(): void;
}
