// A stream begun and read to its end, as most tests of streamSSE want it.

import { type SSEError, type SSEOptions, streamSSE } from "../../../src/client/client.ts";
import { createEar, ManualTimers, frame, scriptedFetch, streamOf } from "./stage.ts";

export const url = "http://gateway.test/api/chat/stream";
export const question = { message: "Hello" };
export const whole = () => streamOf(frame({ token: "Hi" }), frame("[DONE]"));

/** The error that a stream rejects with, as soon as it does; undefined: it went well. */
export function outcomeOf(stream: Promise<void>): Promise<SSEError | undefined> {
  return stream.then(
    () => undefined,
    (error: SSEError) => error,
  );
}

export async function stream(answer: Response, options: SSEOptions = {}) {
  const ear = createEar();
  const { fetch, asked } = scriptedFetch(answer);
  const logged: unknown[] = [];
  const error = await outcomeOf(
    streamSSE(url, question, ear.callbacks, undefined, {
      fetch,
      timers: new ManualTimers(),
      log: (message, detail) => logged.push([message, detail]),
      ...options,
    }),
  );
  return { ...ear, asked, error, logged };
}
