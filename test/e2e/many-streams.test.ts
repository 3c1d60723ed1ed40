// More streams at a time than Bun lets a process fetch by default.

import { expect, setDefaultTimeout, test } from "bun:test";
import { request } from "node:http";
import { parseChatStream } from "../support/sse-frames.ts";
import { startStage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const count = 300;

/** By node:http, because fetch would keep all but 256 of them waiting in this process. */
function stream(url: string, content: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/chat/completions`, { method: "POST", agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve(text));
      answer.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(JSON.stringify({ messages: [{ role: "user", content }], stream: true }));
  });
}

test(`${count} streams run at the same time, each with its own words, all to [DONE] [R0-060] [R2-039]`, async () => {
  await using stage = await startStage();
  await stage.emulator.script({ match: "Say", gate: "start", times: "always" });
  const words = Array.from({ length: count }, (_, index) => `word number ${index} of its own`);
  const all = Promise.all(words.map((text) => stream(stage.gateway.url, `Say "${text}"`)));
  // None may end before the last has begun.
  await stage.emulator.until(
    (requests) => requests.filter((one) => one.on === "completions" && one.status === 200).length === count,
  );
  const health: unknown = await (await stage.get("/health")).json();
  await stage.emulator.release("start", "all");
  const streams = (await all).map(parseChatStream);

  expect(health).toMatchObject({ openReplies: count });
  expect(streams.map((one) => one.text)).toEqual(words);
  expect(streams.every((one) => one.doneCount === 1 && one.error === undefined)).toBe(true);
});
