// A second connection that does nothing but listen: the system closes it when its process is killed, and the server knows at once.

import { RedisClient } from "bun";
import type { Log } from "../../telemetry/log.ts";
import { refusalOf } from "./store-errors.ts";

export interface Presence {
  close(): void;
}

export interface PresenceOptions {
  readonly url: string;
  readonly channel: string;
  readonly connectMs: number;
  readonly log: Log;
  /** It broke, and nobody here has closed it: whoever listens no more counts as gone, so all of it has to be taken anew. */
  readonly onLost: () => void;
}

/**
 * @returns undefined where the server's user may not listen: then a gateway is taken for dead when it has been silent
 * @throws {Error} when there is no connection
 */
export async function openPresence(options: PresenceOptions): Promise<Presence | undefined> {
  const client = new RedisClient(options.url, {
    autoReconnect: false,
    enableOfflineQueue: false,
    connectionTimeout: options.connectMs,
  });
  let isOver = false;
  const close = (): void => {
    isOver = true;
    client.close();
  };
  client.onclose = () => {
    if (!isOver) options.onLost();
    isOver = true;
  };
  const limit = setTimeout(() => client.close(), options.connectMs);
  try {
    await client.connect();
    // Nobody says anything there.
    await client.subscribe(options.channel, () => {});
    return { close };
  } catch (error) {
    close();
    if (refusalOf(error)?.word !== "NOPERM") throw error;
    options.log.debug("The shared store's user may not listen: a gateway that dies is noticed later");
    return undefined;
  } finally {
    clearTimeout(limit);
  }
}
