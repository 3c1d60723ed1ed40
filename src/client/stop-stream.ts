// Ends an answer on the server. A reader who merely leaves a resumable stream does not.

import { SSEError } from "./errors.ts";
import { send } from "./exchange.ts";
import { defaultTimeoutMs, type RequestOptions } from "./options.ts";
import { streamAddress } from "./stream-address.ts";
import { systemTimers } from "./timers.ts";
import { Watch } from "./watch.ts";

/**
 * @param url Where the stream was begun.
 * @returns whether it was running; false also when the server knows no such stream any more
 * @throws {SSEError}
 */
export async function stopStream(url: string | URL, streamId: string, options: RequestOptions = {}): Promise<boolean> {
  const watch = new Watch(undefined, options.timeout ?? defaultTimeoutMs, options.timers ?? systemTimers);
  const headers = new Headers(options.headers);
  try {
    // `keepalive`: the page may be about to close.
    const request = { url: streamAddress(String(url), streamId), method: "DELETE", headers, keepalive: true } as const;
    const response = await send(request, watch, options);
    const answer: unknown = await watch.race(response.json()).catch(() => undefined);
    return (answer as { stopped?: unknown } | undefined)?.stopped !== false;
  } catch (error) {
    if (error instanceof SSEError && (error.status === 404 || error.status === 410)) return false;
    throw error;
  } finally {
    watch.release();
  }
}
