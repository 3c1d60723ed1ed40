// The published configuration of HAProxy before the executable: what stands between must not gather what is written word by word.

import { expect, setDefaultTimeout, test } from "bun:test";
import { findHaProxy, startHaProxy } from "../support/haproxy.ts";
import { startStage } from "./stage.ts";

// Far beyond what it needs, for machines that are busy with something else.
setDefaultTimeout(60_000);

const executable = findHaProxy();

test.skipIf(executable === undefined)("haproxy.cfg passes events on as they come, not many at a time", async () => {
  await using stage = await startStage({ emulatorWords: ["--token-delay-ms", "30"] });
  const { url, port } = stage.gateway;
  await using haproxy = await startHaProxy(executable ?? "", [port, port, port]);

  /** How often the client had something to read. */
  async function countReads(from: string): Promise<number> {
    const response = await fetch(`${from}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ stream: true, messages: [{ role: "user", content: "Count from 1 to 50" }] }),
    });
    let reads = 0;
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      reads++;
      text += decoder.decode(chunk, { stream: true });
    }
    expect([response.status, text.endsWith("data: [DONE]\n\n")]).toEqual([200, true]);
    return reads;
  }

  // At once, so that a machine that stands still gathers both. HAProxy alone gathers for 200 ms: a fifth of the reads.
  const [direct, through] = await Promise.all([countReads(url), countReads(haproxy.url)]);

  expect(direct).toBeGreaterThan(10);
  expect(through).toBeGreaterThan(direct / 2);
});
