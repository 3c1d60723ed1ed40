// A process of its own that serves the log stream as the gateway does. Told by its parent: "log <line>".
// Tells its parent: the port, then each change of the number of readers.

import { Elysia } from "elysia";
import { answerLogStream } from "../../../src/admin/log-stream.ts";

const listeners = new Set<(line: string) => void>();
const logFeed = {
  subscribe(listener: (line: string) => void) {
    listeners.add(listener);
    tell({ readers: listeners.size });
    return () => {
      if (listeners.delete(listener)) tell({ readers: listeners.size });
    };
  },
};
const app = new Elysia().get("/log", ({ request }) => answerLogStream(logFeed, request.signal)).compile();
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => app.fetch(request) });

process.on("message", (line: string) => {
  for (const listener of listeners) listener(line);
  tell({ logged: line });
});
tell({ port: server.port });

function tell(news: Record<string, unknown>): void {
  process.send?.(news);
}
