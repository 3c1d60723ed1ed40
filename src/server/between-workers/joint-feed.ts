// The log of all workers as one feed: the lines of this one, and those that the others stream through their inner doors.

import type { LogFeed } from "../../admin/log-stream.ts";
import { createSseDecoder } from "../../sse/sse-decoder.ts";
import type { Fellow, Fellows } from "../../workers/fellows.ts";
import { headersFor } from "./passport.ts";
import type { Trip } from "../trip.ts";

/** Between two attempts to follow another worker. */
const againMs = 250;

/** @param trip of whoever reads it */
export function createJointFeed(own: LogFeed, fellows: Pick<Fellows, "others" | "onRoster">, trip: Trip): LogFeed {
  return {
    subscribe(listener) {
      const left = new AbortController();
      const followed = new Set<string>();

      async function follow(fellow: Fellow): Promise<void> {
        followed.add(fellow.name);
        while (!left.signal.aborted && fellows.others().some(({ name }) => name === fellow.name)) {
          // It ends with each change of the settings, and with the reader.
          await read(fellow).catch(() => {});
          await Bun.sleep(againMs);
        }
        followed.delete(fellow.name);
      }

      async function read(fellow: Fellow): Promise<void> {
        const { signal } = left;
        const answer = await fellow.send(trip.path, { method: "GET", headers: headersFor(trip), signal });
        const text = new TextDecoder();
        const decoder = createSseDecoder({ event: ({ data }) => listener(text.decode(data)) });
        for await (const chunk of answer.body ?? []) decoder.feed(chunk);
      }

      function followAll(): void {
        for (const fellow of fellows.others()) if (!followed.has(fellow.name)) void follow(fellow);
      }

      const unsubscribe = own.subscribe(listener);
      const unhear = fellows.onRoster(followAll);
      followAll();
      return () => {
        left.abort();
        unhear();
        unsubscribe();
      };
    },
  };
}
