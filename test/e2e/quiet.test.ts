// The executable calls nobody by itself: whatever would leave the machine goes to a proxy that only counts.

import { expect, setDefaultTimeout, test } from "bun:test";
import { createPlace, runBinary, startBinary } from "../support/binary.ts";

// Far beyond what the test needs, for machines that are busy with something else.
setDefaultTimeout(120_000);

/** Closes every connection, and counts them. */
function countConnections() {
  let count = 0;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        count += 1;
        socket.end();
      },
      data() {},
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    count: () => count,
    [Symbol.dispose]: () => listener.stop(true),
  };
}

test("a gateway that serves asks nobody for anything; update asks, and says that it got no answer", async () => {
  using place = createPlace();
  using proxy = countConnections();
  const environment = {
    HTTP_PROXY: proxy.url,
    HTTPS_PROXY: proxy.url,
    http_proxy: proxy.url,
    https_proxy: proxy.url,
    npm_config_registry: "https://registry.example",
  };
  await using gateway = await startBinary([], { PORT: "0", ...environment }, place);
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ messages: [{ role: "user", content: "Count from 1 to 5" }] }),
  });
  const text = await answer.text();
  const page = await fetch(`${gateway.url}/chat`);
  gateway.kill("SIGTERM");
  const exitCode = await gateway.exited;
  const whileServing = proxy.count();
  const asked = await runBinary(["update"], environment, place);

  expect([text.includes("1 2 3 4 5"), page.status, exitCode]).toEqual([true, 200, 0]);
  expect(whileServing).toBe(0);
  expect([asked.exitCode, asked.output]).toEqual([1, ""]);
  expect(asked.errors).toStartWith("Cannot find out the newest version: https://registry.example cannot be reached: ");
  expect(proxy.count()).toBeGreaterThan(0);
});
