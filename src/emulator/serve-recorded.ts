// A capture on a socket: a server that a gateway can be pointed at, and what it has to be told for that.

import type { CaptureFile, Wire } from "../capture/format.ts";
import type { Listener, ListenOptions } from "./listen.ts";
import { createQwenWebEmulator } from "./qwen-web-emulator.ts";
import { createRecordedUpstream } from "./recorded-upstream.ts";

export interface ServedRecording extends Listener {
  /** Settings of a gateway that asks it. */
  readonly settings: readonly string[];
  /** Calls whose answer breaks off where the capture was cut. */
  readonly cutCalls: readonly number[];
}

export interface ServeRecordedOptions extends ListenOptions {
  readonly file: CaptureFile;
  /** @see RecordedUpstreamOptions */
  readonly speed: number;
}

export function serveRecorded({ hostname, port, file, speed }: ServeRecordedOptions): ServedRecording {
  const emulator = createQwenWebEmulator({ tokenDelayMs: 0 }, "http");
  const recorded = createRecordedUpstream({
    file,
    speed,
    fallback: (wire, request) =>
      wire === "qwen-web" ? emulator.fetch(request) : answerModels(request, recorded.models),
  });
  const server = Bun.serve({
    hostname,
    port,
    // Silent streams were silent.
    idleTimeout: 0,
    reusePort: false,
    development: false,
    fetch: (request) => recorded.fetch(request),
  });
  const url = server.url.href.replace(/\/$/, "");
  return {
    url,
    settings: recorded.wires.map((wire) => settingOf(wire, url, recorded.basePath)),
    cutCalls: recorded.cutCalls,
    stop: () => server.stop(true),
  };
}

function settingOf(wire: Wire, url: string, basePath: string): string {
  // All three: nothing of what is played may reach the real ones.
  if (wire === "qwen-web")
    return `QWEN_BASE_URL=${url} QWEN_AUTH_URL=${url} QWEN_UPLOAD_URL=${url} QWEN_TOKEN=replayed`;
  return `UPSTREAM_BASE_URL=${url}${basePath} UPSTREAM_API_KEY=replayed`;
}

/** A list of what was asked for; anything else is not there. */
async function answerModels(request: Request, models: readonly string[]): Promise<Response> {
  if (request.method !== "GET" || !new URL(request.url).pathname.endsWith("/models")) {
    return Response.json({ error: { message: "Not in this capture", type: "not_found" } }, { status: 404 });
  }
  const data = models.map((id) => ({ id, object: "model", created: 0, owned_by: "replay" }));
  return Response.json({ object: "list", data });
}
