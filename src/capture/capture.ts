// The switch: off, everything passes by it at the cost of one look. On, for everything or for single sessions, the recorder
// hears both sides.

import { settledWithin } from "../contract/settled-within.ts";
import type { Upstream } from "../contract/upstream.ts";
import type { HttpClient } from "../outbound/http-client.ts";
import type { LiveLog } from "../telemetry/create-log.ts";
import type { SpoolFigures, Writer } from "./spool.ts";
import type { Wire } from "./format.ts";
import type { Cover } from "./cover-secrets.ts";
import type { Recorder, RecorderSwitch } from "./recorder.ts";
import { tapHttp } from "./tap-http.ts";
import { tapUpstream } from "./tap-upstream.ts";

/** What a reload may change. */
export interface CaptureSettings {
  /** Where everything is captured to. Undefined: only sessions that are asked for. */
  readonly directory: string | undefined;
  /** Of all files of this writer together. */
  readonly maxBytes: number;
  /** Of the bodies of one exchange. */
  readonly maxExchangeBytes: number;
}

export interface CaptureOptions extends CaptureSettings {
  /** Where sessions that are asked for are captured to, unless everything is. */
  readonly sessionDirectory: string;
  /** Where several processes write to one folder. */
  readonly writer?: Writer | undefined;
  /** Texts that are blacked out wherever they stand. */
  secrets(): readonly string[];
  /** Of this program. */
  readonly version: string;
  readonly clock: () => number;
  readonly log: LiveLog;
}

export interface Capture extends RecorderSwitch {
  /** Captures everything, where the settings say so. Resolves when it is on. */
  start(): Promise<void>;
  /** Other settings from now on; what is being captured is written where they say. Resolves when they hold; never rejects. */
  adjust(settings: CaptureSettings): Promise<void>;
  /** Blacks out from now on also what is secret by now. */
  learnSecrets(): void;
  /**
   * Captures the exchanges of one session from now on, for a while: whoever forgets it loses no disk.
   * @param forMs at most a day
   */
  watchSession(sessionId: string, forMs: number): Promise<void>;
  /** @returns false when it was not captured */
  unwatchSession(sessionId: string): boolean;
  /** Sessions that are captured now, and until when in epoch milliseconds. */
  watchedSessions(): readonly { readonly sessionId: string; readonly untilMs: number }[];
  readonly figures: Readonly<SpoolFigures> | undefined;
  readonly directory: string;
  tapHttp(http: HttpClient, wire: Wire): HttpClient;
  tapUpstream<Tapped extends Upstream>(upstream: Tapped): Tapped;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

const longestWatchMs = 24 * 60 * 60_000;
const mostWatched = 100;
/** A disk that hangs holds up no stop. */
const longestCloseMs = 5000;
/** Nor a start or a reload. */
const longestPrepareMs = 1000;

export function createCapture(options: CaptureOptions): Capture {
  const { clock, log } = options;
  const sessions = new Map<string, number>();
  let settings: CaptureSettings = options;
  const directoryNow = (): string => settings.directory ?? options.sessionDirectory;
  let recorder: Recorder | undefined;
  /** Loaded once; which of the two is on may change. */
  let loading: Promise<Loaded> | undefined;
  let loaded: Loaded | undefined;
  let learn: Cover["learn"] | undefined;
  /** The log is listened to only while it is on. */
  let unhear: (() => void) | undefined;
  let expiry: ReturnType<typeof setTimeout> | undefined;

  async function load(): Promise<Loaded> {
    const [{ Recorder: RecorderOf }, { createSpool }, { createCover }] = await Promise.all([
      import("./recorder.ts"),
      import("./spool.ts"),
      import("./cover-secrets.ts"),
    ]);
    const cover = createCover(options.secrets());
    learn = (secrets) => cover.learn(secrets);
    const spool = createSpool({
      get directory() {
        return directoryNow();
      },
      get maxBytes() {
        return settings.maxBytes;
      },
      writer: options.writer,
      cover,
      gateway: options.version,
      log,
    });
    const created = new RecorderOf({
      spool,
      cover,
      get maxExchangeBytes() {
        return settings.maxExchangeBytes;
      },
      wants,
      clock,
    });
    loaded = { recorder: created, figures: spool.figures, prepare: () => spool.prepare() };
    return loaded;
  }

  function wants(sessionId: string | undefined): boolean {
    if (settings.directory !== undefined) return true;
    if (sessionId === undefined) return false;
    // In a header a name that is not ASCII is escaped.
    const untilMs = sessions.get(sessionId) ?? sessions.get(decoded(sessionId));
    return untilMs !== undefined && untilMs > clock();
  }

  async function switchOn(): Promise<void> {
    loading ??= load();
    const on = (await loading).recorder;
    recorder = on;
    unhear ??= log.hear(({ level, message, fields }) => on.logged(level, message, fields));
  }

  /** A folder that cannot be made is told of at once. */
  async function prepare(): Promise<void> {
    if (loaded !== undefined) await settledWithin(loaded.prepare(), longestPrepareMs);
  }

  function switchOff(): void {
    recorder = undefined;
    unhear?.();
    unhear = undefined;
  }

  function switchOffUnlessWanted(): void {
    for (const [sessionId, untilMs] of sessions) if (untilMs <= clock()) sessions.delete(sessionId);
    clearTimeout(expiry);
    if (settings.directory !== undefined) return;
    if (sessions.size === 0) switchOff();
    else {
      const nextMs = Math.min(...sessions.values()) - clock();
      expiry = setTimeout(switchOffUnlessWanted, Math.max(nextMs, 1));
      expiry.unref();
    }
  }

  const self: Capture = {
    get recorder() {
      return recorder;
    },
    async start() {
      if (settings.directory === undefined) return;
      await switchOn();
      await prepare();
    },
    async adjust({ directory, maxBytes, maxExchangeBytes }) {
      const isElsewhere = directory !== settings.directory;
      settings = { directory, maxBytes, maxExchangeBytes };
      try {
        if (directory !== undefined) await switchOn();
      } catch (error) {
        // The other settings of the same reload hold by then.
        log.error("Cannot switch captures on", { reason: String(error) });
      }
      switchOffUnlessWanted();
      if (isElsewhere && recorder !== undefined) await prepare();
    },
    learnSecrets: () => learn?.(options.secrets()),
    async watchSession(sessionId, forMs) {
      if (sessions.size >= mostWatched && !sessions.has(sessionId)) {
        throw new RangeError(`Cannot capture this session: ${mostWatched} are captured already`);
      }
      sessions.set(sessionId, clock() + Math.min(forMs, longestWatchMs));
      await switchOn();
      switchOffUnlessWanted();
      await prepare();
    },
    unwatchSession(sessionId) {
      const wasWatched = sessions.delete(sessionId);
      switchOffUnlessWanted();
      return wasWatched;
    },
    watchedSessions: () => [...sessions].map(([sessionId, untilMs]) => ({ sessionId, untilMs })),
    get figures() {
      return loaded?.figures;
    },
    get directory() {
      return directoryNow();
    },
    tapHttp: (http, wire) => tapHttp(http, wire, self),
    tapUpstream: (upstream) => tapUpstream(upstream, self),
    async close() {
      clearTimeout(expiry);
      switchOff();
      const written = loaded?.recorder.close();
      if (written !== undefined) await settledWithin(written, longestCloseMs);
    },
  };
  return self;
}

interface Loaded {
  readonly recorder: Recorder;
  readonly figures: Readonly<SpoolFigures>;
  prepare(): Promise<void>;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A name with a percent sign of its own.
    return text;
  }
}
