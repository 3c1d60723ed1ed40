// A second connection that does nothing but listen: the system closes it when its process is killed, and the server knows at once.
// When it breaks otherwise, or cannot be had, it is taken anew, and the server is told not to count on it meanwhile.

import { RedisClient } from "bun";
import type { Log } from "../../telemetry/log.ts";
import { refusalOf } from "./store-errors.ts";

export interface PresenceOptions {
  readonly url: string;
  readonly channel: string;
  /** For one attempt, and for each answer. */
  readonly connectMs: number;
  /** Between two attempts. */
  readonly againMs: number;
  readonly log: Log;
  /** Whether the server sees this process, whenever that changes; until the first call it is expected to. */
  tell(isPresent: boolean): void;
}

/** Balancers close what is silent for some minutes. */
const pingMs = 30_000;

export class Presence {
  readonly #options: PresenceOptions;
  #client: RedisClient | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPresent: boolean | undefined;
  #isClosed = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    void this.#open();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#client?.close();
  }

  async #open(): Promise<void> {
    const { url, channel, connectMs } = this.#options;
    const client = new RedisClient(url, {
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: connectMs,
    });
    this.#client = client;
    client.onclose = () => this.#lose(client);
    try {
      await this.#within(client, client.connect());
      // Nobody says anything there.
      await this.#within(
        client,
        client.subscribe(channel, () => {}),
      );
      if (this.#isClosed || this.#client !== client) return client.close();
      this.#tell(true);
      this.#ping(client);
    } catch (error) {
      this.#options.log.debug("This gateway does not listen at the shared store", { reason: String(error) });
      client.close();
      this.#lose(client);
      if (refusalOf(error)?.word === "NOPERM") this.close();
    }
  }

  /** Whoever dies unseen is noticed later, by his pulse. */
  #tell(isPresent: boolean): void {
    if (this.#isPresent === isPresent) return;
    this.#isPresent = isPresent;
    this.#options.tell(isPresent);
  }

  #ping(client: RedisClient): void {
    this.#timer = setTimeout(() => {
      this.#within(client, client.ping()).then(
        () => this.#client === client && !this.#isClosed && this.#ping(client),
        // It is closed by then.
        () => {},
      );
    }, pingMs);
    this.#timer.unref();
  }

  #lose(client: RedisClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#tell(false);
    this.#timer = setTimeout(() => void this.#open(), this.#options.againMs);
    this.#timer.unref();
  }

  /** The client has no limit of its own for an answer. */
  async #within<Result>(client: RedisClient, answer: Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => client.close(), this.#options.connectMs);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }
}
