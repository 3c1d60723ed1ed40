// The head of every event stream that the gateway sends, whatever it tells.

/** Never the upstream's own. The last keeps reverse proxies from gathering frames. */
export const eventStreamHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  connection: "keep-alive",
  "x-accel-buffering": "no",
};
