// An emulator on a socket: its fetch, and its control routes beside it.

import { answerControl, type Controlled, type OwnControls } from "./control-routes.ts";

export interface ListenOptions {
  hostname: string;
  /** 0 takes a free one. */
  port: number;
}

export interface Listener {
  /** Without a slash at its end. */
  readonly url: string;
  /** Open requests are cut. */
  stop(): Promise<void>;
}

export function listen(
  { hostname, port }: ListenOptions,
  emulator: Controlled & { fetch(request: Request): Promise<Response> },
  controls: OwnControls,
): Listener {
  const server = Bun.serve({
    hostname,
    port,
    // Silent streams are part of the play.
    idleTimeout: 0,
    reusePort: false,
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      try {
        return pathname.startsWith("/__emulator/")
          ? await answerControl(emulator, controls, request)
          : await emulator.fetch(request);
      } catch (error) {
        // Nobody reads this answer: the client left while it was awaited.
        if (request.signal.aborted) return new Response(null, { status: 499 });
        throw error;
      }
    },
  });
  return { url: server.url.href.replace(/\/$/, ""), stop: () => server.stop(true) };
}
