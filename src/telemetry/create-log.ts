// The log: decides by level, formats, writes, and lets others listen in. How a line looks is format-line.ts.

import type { Clock } from "../contract/clock.ts";
import { formatJson, formatPretty, type LogRecord } from "./format-line.ts";
import type { Log, LogFields, LogLevel } from "./log.ts";

export interface LogOptions {
  readonly level: LogLevel;
  /** `auto`: pretty on a terminal, json elsewhere. */
  readonly format: "auto" | "pretty" | "json";
  /** Receives lines without their line end. @defaultValue standard error */
  readonly write?: (line: string) => void;
  /** @defaultValue whether standard error is one */
  readonly isTerminal?: boolean;
  readonly clock?: Clock;
}

export interface LiveLog extends Log {
  /** Hears every line that is written, in the same form. @returns a function that ends it */
  subscribe(listener: (line: string) => void): () => void;
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

export function createLog(options: LogOptions): LiveLog {
  const { level, clock = Date.now } = options;
  const listeners = new Set<(line: string) => void>();
  let sink: Sink | undefined;

  function emit(record: Omit<LogRecord, "timeMs">): void {
    if (rank[record.level] < rank[level]) return;
    // With the first line: to look at process.stderr costs 6 MB and 15 ms (a stream of Node's, with all that it needs).
    sink ??= openSink(options);
    const line = sink.format({ ...record, timeMs: clock() });
    sink.write(line);
    for (const listener of listeners) {
      try {
        listener(line);
      } catch {
        // Whoever only listens must not break the one who logs; logging this would call it again.
        listeners.delete(listener);
      }
    }
  }

  return {
    ...createChild(emit, {}),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

interface Sink {
  format(record: LogRecord): string;
  write(line: string): void;
}

function openSink({ format, isTerminal, write = writeToStandardError() }: LogOptions): Sink {
  const pretty = format === "auto" ? (isTerminal ?? process.stderr.isTTY === true) : format === "pretty";
  return { format: pretty ? formatPretty : formatJson, write };
}

function createChild(emit: (record: Omit<LogRecord, "timeMs">) => void, own: LogFields): Log {
  return {
    debug: (message, fields) => emit({ level: "debug", message, fields: { ...own, ...fields } }),
    info: (message, fields) => emit({ level: "info", message, fields: { ...own, ...fields } }),
    warn: (message, fields) => emit({ level: "warn", message, fields: { ...own, ...fields } }),
    error: (message, fields, error) => emit({ level: "error", message, fields: { ...own, ...fields }, error }),
    with: (fields) => createChild(emit, { ...own, ...fields }),
  };
}

function writeToStandardError(): (line: string) => void {
  const isListening = process.stderr.listeners("error").includes(ignoreClosedPipe);
  if (!isListening) process.stderr.on("error", ignoreClosedPipe);
  return (line) => void process.stderr.write(`${line}\n`);
}

/** A closed pipe costs the log, not the service. One listener serves every log of the process. */
function ignoreClosedPipe(): void {}
