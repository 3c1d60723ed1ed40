// One stream at a time for a React component: it ends with the next one, or with the component.

import { useCallback, useEffect, useMemo, useRef } from "react";
import { SSEError } from "./errors.ts";
import type { SSECallbacks } from "./events.ts";
import type { SSEOptions } from "./options.ts";
import { resumeSSE, streamSSE } from "./stream-sse.ts";

/** All of them stay the same from render to render. */
export interface SSEStream {
  /**
   * Ends the stream that runs, and begins this one. Resolves at its end, whatever it was: `onComplete` or `onError` said.
   * Rejects only with what a callback throws.
   */
  startStream(url: string | URL, body: unknown, callbacks: SSECallbacks): Promise<void>;
  /** The same for a stream that was begun earlier. All its events come once more, or those behind `lastEventId`. */
  resumeStream(url: string | URL, streamId: string, callbacks: SSECallbacks, lastEventId?: string): Promise<void>;
  /** Stops reading, without a word to `onError`. */
  stopStream(): void;
}

/** @param options Those of the latest render count when a stream is started. */
export function useSSEStream(options: SSEOptions = {}): SSEStream {
  const running = useRef<AbortController | undefined>(undefined);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  const stopStream = useCallback(() => {
    running.current?.abort();
    running.current = undefined;
  }, []);

  const read = useCallback(
    async (open: (signal: AbortSignal, options: SSEOptions) => Promise<void>) => {
      stopStream();
      const controller = new AbortController();
      running.current = controller;
      try {
        await open(controller.signal, latest.current);
      } catch (error) {
        if (!(error instanceof SSEError)) throw error;
      } finally {
        if (running.current === controller) running.current = undefined;
      }
    },
    [stopStream],
  );

  useEffect(() => stopStream, [stopStream]);

  return useMemo(
    () => ({
      startStream: (url, body, callbacks) =>
        read((signal, current) => streamSSE(url, body, callbacks, signal, current)),
      resumeStream: (url, streamId, callbacks, lastEventId) =>
        read((signal, current) => {
          const from = lastEventId === undefined ? {} : { lastEventId };
          return resumeSSE(url, streamId, callbacks, signal, { ...current, ...from });
        }),
      stopStream,
    }),
    [read, stopStream],
  );
}
