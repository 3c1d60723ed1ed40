// What the other workers stream through their inner doors, for as long as somebody here reads it.

import { createSseDecoder } from "../../sse/sse-decoder.ts";
import type { Fellow, Fellows } from "../../workers/fellows.ts";
import type { Trip } from "../trip.ts";
import { headersFor } from "./passport.ts";

export interface FollowedStreams {
  /** @param fellow its name */
  event(fellow: string, data: string): void;
  /** Nothing comes of it any more, or everything anew. */
  ended?(fellow: string): void;
}

/** Between two attempts to follow another worker. */
const againMs = 250;

/**
 * @param trip of whoever reads it here: the others are asked for the same
 * @returns what ends it
 */
export function followFellows(
  fellows: Pick<Fellows, "others" | "onRoster">,
  trip: Trip,
  streams: FollowedStreams,
): () => void {
  const left = new AbortController();
  const followed = new Set<string>();

  async function follow(fellow: Fellow): Promise<void> {
    followed.add(fellow.name);
    while (!left.signal.aborted && fellows.others().some(({ name }) => name === fellow.name)) {
      // It ends with each change of the settings, and with the reader.
      await read(fellow).catch(() => {});
      streams.ended?.(fellow.name);
      await Bun.sleep(againMs);
    }
    followed.delete(fellow.name);
  }

  async function read({ name, send }: Fellow): Promise<void> {
    const { signal } = left;
    const answer = await send(trip.path, { method: "GET", headers: headersFor(trip), signal });
    const text = new TextDecoder();
    const decoder = createSseDecoder({ event: ({ data }) => streams.event(name, text.decode(data)) });
    for await (const chunk of answer.body ?? []) decoder.feed(chunk);
  }

  function followAll(): void {
    for (const fellow of fellows.others()) if (!followed.has(fellow.name)) void follow(fellow);
  }

  const unhear = fellows.onRoster(followAll);
  followAll();
  return () => {
    left.abort();
    unhear();
  };
}
