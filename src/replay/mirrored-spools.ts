// Spools of this machine whose contents stand in a shared store as well, so that another gateway can read them when they have
// ended, or when this one is gone.

import type { Log } from "../telemetry/log.ts";
import { type Spool, spoolOf, type SpoolReader, type Spools } from "./spool.ts";

/** Where the contents are for all. */
export interface Mirror {
  append(streamId: string, text: string): Promise<void>;
  /** Undefined: there is none. */
  read(streamId: string): Promise<string | undefined>;
  remove(streamId: string): Promise<void>;
  /** What stands there from this byte on, and how its stream is. */
  follow(streamId: string, fromByte: number): Promise<{ readonly text: string; readonly state: FollowedState }>;
}

/**
 * `interrupted`: nothing comes any more, and its end is missing. `torn`: the same here alone, where it runs it has an end or
 * will have one.
 */
export type FollowedState = "running" | "whole" | "interrupted" | "torn";

export interface MirrorOptions {
  readonly log: Log;
  /** How long frames are gathered; a gateway that is killed loses so much of them. @defaultValue 25 */
  readonly gatherMs?: number;
}

export function createMirroredSpools(local: Spools, mirror: Mirror, { log, gatherMs = 25 }: MirrorOptions): Spools {
  return {
    create: (streamId) => new MirroredSpool(local.create(streamId), streamId, mirror, log, gatherMs),
    open: async (streamId) => (await local.open(streamId)) ?? openMirrored(streamId, mirror),
    async remove(streamId) {
      await local.remove(streamId);
      await mirror.remove(streamId);
    },
    // Each counts its own: what they hold is at most what all of them may.
    list: () => local.list(),
  };
}

async function openMirrored(streamId: string, mirror: Mirror): Promise<SpoolReader | undefined> {
  const text = await mirror.read(streamId);
  return text === undefined || text === "" ? undefined : spoolOf(new TextEncoder().encode(text));
}

class MirroredSpool implements Spool {
  readonly opened: Promise<Error | undefined>;
  readonly #local: Spool;
  readonly #streamId: string;
  readonly #mirror: Mirror;
  readonly #log: Log;
  readonly #gatherMs: number;
  /** Appended in pieces that may end within a character. */
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #gathered = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** One piece is missing: what comes after it would be read as if nothing were. */
  #isTorn = false;

  constructor(local: Spool, streamId: string, mirror: Mirror, log: Log, gatherMs: number) {
    this.#local = local;
    this.#streamId = streamId;
    this.#mirror = mirror;
    this.#log = log;
    this.#gatherMs = gatherMs;
    this.opened = local.opened;
  }

  get length(): number {
    return this.#local.length;
  }

  read(offset: number, maxBytes: number): Uint8Array {
    return this.#local.read(offset, maxBytes);
  }

  append(bytes: Uint8Array): void {
    this.#local.append(bytes);
    if (this.#isTorn) return;
    this.#gathered += this.#decoder.decode(bytes, { stream: true });
    this.#timer ??= setTimeout(() => this.#flush(), this.#gatherMs);
  }

  retain(): void {
    this.#local.retain();
  }

  release(): void {
    this.#flush();
    this.#local.release();
  }

  async settled(): Promise<void> {
    this.#flush();
    await this.#writing;
  }

  async discard(): Promise<void> {
    this.#isTorn = true;
    clearTimeout(this.#timer);
    this.#gathered = "";
    await this.#writing;
    await this.#local.discard();
    await this.#mirror.remove(this.#streamId);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#gathered;
    if (text === "" || this.#isTorn) return;
    this.#gathered = "";
    const written = this.#mirror.append(this.#streamId, text).catch((error: unknown) => this.#tear(error));
    this.#writing = Promise.all([this.#writing, written]).then(() => undefined);
  }

  /** It can be read here alone from now on: nobody is given the half of it elsewhere. */
  #tear(error: unknown): void {
    if (this.#isTorn) return;
    this.#isTorn = true;
    this.#log.warn("A stream can be resumed at this gateway only: the shared store does not take it", {
      streamId: this.#streamId,
      reason: String(error),
    });
    // Where that fails too, it is shorter than its end says, and runs out by itself.
    void this.#mirror.remove(this.#streamId).catch(() => {});
  }
}
