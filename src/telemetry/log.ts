// The log as rooms see it. What a line looks like and where it goes is create-log.ts.

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Values are written as they are: never pass content, a credential or a whole header. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** `error` is written with its stack and its causes; clients never see them. */
  error(message: string, fields?: LogFields, error?: unknown): void;
  /** The same log with fields that every line carries, such as `component`. */
  with(fields: LogFields): Log;
}

/** Swallows everything: the default of rooms that may be used alone. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with() {
    return silentLog;
  },
};
