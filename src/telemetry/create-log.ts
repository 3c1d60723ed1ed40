// The log: decides by level, formats, writes, and lets others listen in. How a line looks is format-line.ts.

import type { Clock } from "../contract/clock.ts";
import { formatJson, formatPretty, type LogRecord } from "./format-line.ts";
import { createKnownSecrets } from "./known-secrets.ts";
import { createLineWriter } from "./line-writer.ts";
import type { Log, LogFields, LogLevel } from "./log.ts";
import { openStandardError } from "./standard-error.ts";

export interface LogOptions {
  readonly level: LogLevel;
  /** `auto`: pretty on a terminal, json elsewhere. */
  readonly format: "auto" | "pretty" | "json";
  /** Receives lines without their line end. @defaultValue standard error */
  readonly write?: (line: string) => void;
  /** @defaultValue whether standard error is one */
  readonly isTerminal?: boolean;
  readonly clock?: Clock;
  /** Of every line. @defaultValue none */
  readonly fields?: LogFields;
}

export interface LiveLog extends Log {
  /** Hears every line that is written, in the same form. @returns a function that ends it */
  subscribe(listener: (line: string) => void): () => void;
  /** Hears what is said, from info on and whatever the level of the log. @returns a function that ends it */
  hear(hearer: (record: LogRecord) => void): () => void;
  /**
   * No line shows these texts from now on, whatever they look like; shorter ones than 8 characters are words.
   * @param owner whose they are: of one only the newest are known. @defaultValue the settings
   */
  learnSecrets(texts: Iterable<string>, owner?: string): void;
  /** Another level and form from now on, for every log that came of this one. */
  adjust(options: Pick<LogOptions, "level" | "format">): void;
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 };

export function createLog(options: LogOptions): LiveLog {
  const { clock = Date.now } = options;
  const threshold = { leastRank: rank[options.level] };
  let { format } = options;
  const listeners = new Set<(line: string) => void>();
  const hearers = new Set<(record: LogRecord) => void>();
  let sink: Sink | undefined;
  const secrets = createKnownSecrets();

  function emit(level: LogRecord["level"], message: string, fields: LogFields, error?: unknown): void {
    if (rank[level] >= rank.info) for (const hear of hearers) hear({ timeMs: clock(), level, message, fields, error });
    if (rank[level] < threshold.leastRank) return;
    // With the first line: to open standard error costs.
    sink ??= openSink({ ...options, format }, clock);
    const line = secrets.hide(sink.format({ timeMs: clock(), level, message, fields, error }));
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
    ...createChild(emit, (level) => rank[level] >= threshold.leastRank || hearers.size > 0, options.fields ?? {}),
    hear(hearer) {
      hearers.add(hearer);
      return () => hearers.delete(hearer);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    learnSecrets: secrets.learn,
    adjust(next) {
      threshold.leastRank = rank[next.level];
      if (next.format !== format) sink = undefined;
      ({ format } = next);
    },
  };
}

interface Sink {
  format(record: LogRecord): string;
  write(line: string): void;
}

function openSink({ format, isTerminal, write }: LogOptions, clock: Clock): Sink {
  const pretty = format === "auto" ? (isTerminal ?? process.stderr.isTTY === true) : format === "pretty";
  const formatLine = pretty ? formatPretty : formatJson;
  return { format: formatLine, write: write ?? createLineWriter(openStandardError(), tellLost) };

  function tellLost(lines: number): string {
    const message = "Lines of the log were left out: nobody read them, or they could not be written";
    return formatLine({ timeMs: clock(), level: "warn", message, fields: { lines } });
  }
}

type Emit = (level: LogRecord["level"], message: string, fields: LogFields, error?: unknown) => void;

type IsWanted = (level: LogRecord["level"]) => boolean;

function createChild(emit: Emit, isWanted: IsWanted, own: LogFields): Log {
  // Before its fields are put together: nearly every request says a line that nobody wants.
  function write(level: LogRecord["level"], message: string, fields?: LogFields, error?: unknown): void {
    if (isWanted(level)) emit(level, message, { ...own, ...fields }, error);
  }
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields, error) => write("error", message, fields, error),
    with: (fields) => createChild(emit, isWanted, { ...own, ...fields }),
  };
}
