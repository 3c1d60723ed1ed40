// What was thrown, which may be anything: its words, its code, and what that means of a file.

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Whether it is the reason of a signal of `AbortSignal.timeout`. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}

/** Of the system or of a library, such as `ENOENT`; "" where it has none. */
export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

const ofFiles: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is a file",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};

/** Why a file cannot be used, for whoever named it: undefined where the system's code does not tell that. */
export function fileReasonOf(error: unknown): string | undefined {
  return ofFiles[codeOf(error)];
}
