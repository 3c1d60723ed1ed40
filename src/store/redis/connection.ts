// The connection to a shared store: taken anew after each failure, never with commands of the one before. Beside each stands one
// that shows that this gateway lives (presence.ts).
//
// What Bun's client does by itself is switched off where it harms (test/unit/store/redis/outages.test.ts has a test of each): it
// gives up reconnecting after half a minute for good, it runs commands after a reconnection whose callers have given up long ago,
// and it waits for a silent server for ever.

import { RedisClient } from "bun";
import { GatewayError } from "../../contract/gateway-error.ts";
import { codeOf, errorOf } from "../../contract/thrown.ts";
import type { Log } from "../../telemetry/log.ts";
import type { StorageWatch } from "../storage-trouble.ts";
import { describeAddress } from "./address.ts";
import { Presence } from "./presence.ts";
import { createScripts, type Script, type ScriptName } from "./scripts.ts";
import { serversReason, refusalOf, StoreRefuses, StoreUnreachable } from "./store-errors.ts";

export interface RedisLimits {
  /** Without any answer for so long, the connection is given up. */
  readonly answerMs: number;
  /** What has been sent may run so long after the connection was given up: the way there takes its time. */
  readonly lateMs: number;
  /** For one attempt to connect. */
  readonly connectMs: number;
  /** Between two attempts: from the first value, doubled, to the second. */
  readonly reconnectMs: readonly [first: number, most: number];
}

const defaultLimits: RedisLimits = { answerMs: 1000, lateMs: 250, connectMs: 2000, reconnectMs: [50, 1000] };

export interface RedisConnectionOptions {
  readonly url: string;
  /** What all keys begin with. @defaultValue "qwen-gateway:" */
  readonly prefix?: string | undefined;
  readonly limits?: Partial<RedisLimits> | undefined;
  readonly log: Log;
  readonly watch?: StorageWatch | undefined;
  /** Listens there for as long as it is connected. */
  readonly owner: string;
  /** Called on each new connection before anybody else may use it. What it throws ends the connection. */
  readonly greet: (run: Run) => Promise<void>;
  /** Whether the server sees by itself that this gateway lives. Not yet, when it is greeted. */
  readonly tellPresence: (isPresent: boolean) => void;
}

/**
 * Runs a script.
 * @param ask reaches it as JSON; undefined fields are left out
 * @param texts reach it as they are
 * @throws {StoreUnreachable}; {GatewayError} `overloaded` when the server refuses; any other error is a wrong script
 */
export type Run = (script: ScriptName, ask: object, texts?: readonly string[]) => Promise<unknown>;

/** How far apart the clocks of a gateway and its store may be before somebody is told. */
const skewMs = 5000;
/** Who waits for the store at a time. */
const mostWaiting = 10_000;
const watchdogMs = 100;
const place = "shared-store";

export class RedisConnection {
  readonly prefix: string;
  readonly limits: RedisLimits;
  readonly #options: RedisConnectionOptions;
  readonly #scripts = createScripts();
  #client: RedisClient | undefined;
  #isUp = false;
  #isClosed = false;
  /** Of the present outage. */
  #isTold = false;
  /** A write was refused, and none was taken since. */
  #isRefused = false;
  /** Server time at `performance.now()` 0. */
  #serverStartMs = 0;
  #waiting = new Set<() => void>();
  /** Commands without an answer, and when there was an answer last. */
  #open = 0;
  #answeredAtMs = 0;
  #lookedAtMs = 0;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failure: unknown;
  /** Why this process has closed the present connection. */
  #closedFor: StoreRefuses | undefined;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    this.prefix = options.prefix ?? "qwen-gateway:";
    this.limits = { ...defaultLimits, ...options.limits };
    void this.#connect(0);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** What stood in the way last. */
  get failure(): unknown {
    return this.#failure;
  }

  /** A server that is there and refuses has said why. */
  unreachable(): GatewayError {
    return this.#failure instanceof StoreRefuses
      ? this.#failure
      : new StoreUnreachable({ mayBeDone: false, cause: this.#failure });
  }

  /** @see Run */
  readonly run: Run = async (name, ask, texts = []) => {
    if (!this.#isUp || this.#client === undefined) throw this.unreachable();
    return this.#runOn(this.#client, name, ask, texts);
  };

  /** @returns false when it has not come within that time, or too many wait. */
  waitUntilUp(limitMs: number): Promise<boolean> {
    if (this.#isUp) return Promise.resolve(true);
    if (this.#isClosed || this.#waiting.size >= mostWaiting) return Promise.resolve(false);
    return new Promise((resolve) => {
      const tell = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(tell);
        resolve(this.#isUp);
      };
      const timer = setTimeout(tell, limitMs);
      this.#waiting.add(tell);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    clearTimeout(this.#retry);
    clearInterval(this.#watchdog);
    this.#client?.close();
    this.#client = undefined;
    for (const tell of [...this.#waiting]) tell();
  }

  async #runOn(client: RedisClient, name: ScriptName, ask: object, texts: readonly string[]): Promise<unknown> {
    const script = this.#scripts.get(name);
    if (script === undefined) throw new Error(`there is no script "${name}"`);
    const valuesNow = (): string[] => ["0", this.prefix, formatAsk({ ...ask, notAfter: this.#notAfter() }), ...texts];
    try {
      const answer = await this.#sendInTime(client, script, valuesNow);
      if (this.#isRefused && name === "probe") this.#beTaken();
      return answer;
    } catch (error) {
      throw this.#translate(error, client);
    }
  }

  #notAfter(): number {
    return Math.round(this.#serverStartMs + performance.now() + this.limits.answerMs + this.limits.lateMs);
  }

  /** Once more when it came late, and so did nothing: this process stood still before it was sent, or a clock was set. */
  async #sendInTime(client: RedisClient, script: Script, values: () => string[]): Promise<unknown> {
    try {
      return await this.#sendScript(client, script, values());
    } catch (error) {
      if (refusalOf(error)?.word !== "LATE") throw error;
    }
    await this.#learnTime(client);
    return this.#sendScript(client, script, values());
  }

  async #sendScript(client: RedisClient, script: Script, values: string[]): Promise<unknown> {
    try {
      return await this.#send(client, "EVALSHA", [script.digest, ...values]);
    } catch (error) {
      if (!isScriptMissing(error)) throw error;
    }
    // Somebody has flushed the scripts; this one is known again by that.
    return this.#send(client, "EVAL", [script.text, ...values]);
  }

  #beTaken(): void {
    this.#isRefused = false;
    this.#options.watch?.written(place);
  }

  async #send(client: RedisClient, command: string, values: string[]): Promise<unknown> {
    if (this.#open === 0) this.#answeredAtMs = performance.now();
    this.#open++;
    if (this.#watchdog === undefined) {
      this.#lookedAtMs = performance.now();
      this.#watchdog = setInterval(() => this.#watch(), watchdogMs).unref();
    }
    try {
      return await client.send(command, values);
    } finally {
      this.#open--;
      this.#answeredAtMs = performance.now();
    }
  }

  #watch(): void {
    if (this.#open === 0) {
      clearInterval(this.#watchdog);
      this.#watchdog = undefined;
      return;
    }
    const nowMs = performance.now();
    // While this process stood still it could not hear an answer: that time is not the server's.
    this.#answeredAtMs += Math.max(0, nowMs - this.#lookedAtMs - 2 * watchdogMs);
    this.#lookedAtMs = nowMs;
    if (nowMs - this.#answeredAtMs < this.limits.answerMs) return;
    // Closing rejects whatever waits; what the server has read of it, it may still run.
    this.#client?.close();
  }

  #translate(error: unknown, client: RedisClient): Error {
    if (error instanceof GatewayError) return error;
    if (isLost(error)) return new StoreUnreachable({ mayBeDone: true, cause: error });
    const refusal = refusalOf(error);
    if (refusal === undefined) return errorOf(error);
    const refused = new StoreRefuses(refusal.sentence, error);
    this.#isRefused = true;
    this.#options.watch?.failed(place, refused);
    // A new connection may lead to the new primary, and tells what time it is there.
    if (refusal.word === "READONLY" || refusal.word === "LATE" || refusal.word === "MASTERDOWN") {
      this.#closedFor = refused;
      client.close();
    }
    return refused;
  }

  async #connect(attempt: number): Promise<void> {
    const client = new RedisClient(this.#options.url, {
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: this.limits.connectMs,
    });
    this.#client = client;
    this.#closedFor = undefined;
    let isGreeted = false;
    let presence: Presence | undefined;
    client.onclose = () => {
      presence?.close();
      if (isGreeted) this.#lose(client);
    };
    try {
      await client.connect();
      this.#tellSkew(await this.#learnTime(client));
      await Promise.all(Array.from(this.#scripts.values(), ({ text }) => this.#send(client, "SCRIPT", ["LOAD", text])));
      await this.#options.greet((name, ask, texts = []) => this.#runOn(client, name, ask, texts));
      if (!client.connected) throw new Error("the connection was closed");
      if (this.#isClosed) return client.close();
      isGreeted = true;
      presence = this.#showPresence();
      this.#rise();
    } catch (error) {
      client.close();
      this.#fail(error, attempt);
    }
  }

  #showPresence(): Presence {
    const { url, owner, log, tellPresence } = this.#options;
    const { connectMs, reconnectMs } = this.limits;
    const channel = `${this.prefix}here:${owner}`;
    return new Presence({ url, channel, connectMs, againMs: reconnectMs[1], log, tell: tellPresence });
  }

  /** What time it is there, again now and then: clocks drift, and some are set. Never rejects. */
  async learnTime(): Promise<void> {
    // Whatever stands in the way, the next command meets it too.
    if (this.#isUp && this.#client !== undefined) await this.#learnTime(this.#client).catch(() => {});
  }

  /** By the middle of the way there and back. @returns the server's time less our own, in milliseconds */
  async #learnTime(client: RedisClient): Promise<number> {
    const beforeMs = performance.now();
    const [seconds, micros] = (await this.#send(client, "TIME", [])) as [string, string];
    const middleMs = (beforeMs + performance.now()) / 2;
    const serverMs = Number(seconds) * 1000 + Number(micros) / 1000;
    this.#serverStartMs = serverMs - middleMs;
    return serverMs - (performance.timeOrigin + middleMs);
  }

  #tellSkew(serverAheadMs: number): void {
    if (Math.abs(serverAheadMs) < skewMs) return;
    const apartMs = Math.round(Math.abs(serverAheadMs));
    this.#options.log.warn("This machine's clock and that of the shared store differ: set them by NTP", { apartMs });
  }

  #rise(): void {
    this.#isUp = true;
    this.#failure = undefined;
    if (this.#isTold) this.#options.log.info("The shared store can be reached again");
    this.#isTold = false;
    for (const tell of [...this.#waiting]) tell();
  }

  #lose(client: RedisClient): void {
    if (this.#client !== client || this.#isClosed) return;
    this.#isUp = false;
    this.#fail(this.#closedFor ?? new StoreUnreachable({ mayBeDone: true }), 0);
  }

  #fail(error: unknown, attempt: number): void {
    if (this.#isClosed) return;
    this.#failure = error;
    this.#client = undefined;
    this.#tell(error);
    const [first, most] = this.limits.reconnectMs;
    const waitMs = Math.min(most, first * 2 ** Math.min(attempt, 10));
    // Jitter: all gateways have lost it at the same moment.
    this.#retry = setTimeout(() => void this.#connect(attempt + 1), waitMs * (0.5 + Math.random() / 2));
  }

  /** Once an outage. */
  #tell(error: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#options.log.warn("The shared store cannot be used: the gateway tries until it can", {
      store: describeAddress(this.#options.url),
      reason: serversReason(error) ?? "no connection, or it was refused (address, password, TLS, database number)",
    });
  }
}

/** A lone half of a surrogate pair in somebody's session name is no JSON for the server. */
function formatAsk(ask: object): string {
  const text = JSON.stringify(ask);
  if (!text.includes("\\ud")) return text;
  return JSON.stringify(ask, (_, value: unknown) => (typeof value === "string" ? value.toWellFormed() : value));
}

function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

function isLost(error: unknown): boolean {
  return /CONNECTION|TIMEOUT|SOCKET|ECONN|EPIPE/.test(codeOf(error));
}
