import { expect, test } from "bun:test";
import { startTestServer } from "./test-server.ts";

test("log route streams lines over HTTP and unsubscribes a reader who hangs up", async () => {
  const left = Promise.withResolvers<void>();
  const listeners = new Set<(line: string) => void>();
  const { get, url } = startTestServer({
    logFeed: {
      subscribe(listener) {
        listeners.add(listener);
        return () => {
          listeners.delete(listener);
          left.resolve();
        };
      },
    },
  });
  const client = new AbortController();
  const response = await fetch(`${url}/admin/api/log`, { signal: client.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (const listener of listeners) listener("a line");
  let text = "";
  while (!text.includes("a line")) text += (await reader?.read())?.value;
  expect(text).toEndWith("data: a line\n\n");
  client.abort();
  await left.promise;
  expect(listeners.size).toBe(0);
  expect((await get("/health")).status).toBe(200);
});

test("log route ends its streams when the server stops", async () => {
  const { server, url, feedListeners } = startTestServer();
  const response = await fetch(`${url}/admin/api/log`);
  const text = response.text();
  await server.stop();
  expect(await text).toBe(": log\n\n");
  expect(feedListeners.size).toBe(0);
});
