// Answers over HTTP whose stream ends behind an event with an id: whoever waits is told, and nobody else's call is lost.

import { expect, test } from "bun:test";
import type { ServerResponse } from "node:http";
import { startFakeHttp } from "../../../support/fake-mcp-http.ts";
import { createMcpStage, type McpStage } from "../../../support/mcp-stage.ts";

const tools = ["slow", "cut", "wrong", "long"].map((name) => ({ name, text: "not asked" }));
const more = { callTimeoutMs: 10_000 };

/** @param resume answers who asks for the rest of a stream */
async function startCutting(resume: (response: ServerResponse) => void) {
  let resumed = 0;
  const slow: (() => void)[] = [];
  const http = await startFakeHttp(
    { tools },
    {
      instead(request, response, body) {
        if (request.headers["last-event-id"] !== undefined) {
          resumed += 1;
          resume(response);
          return true;
        }
        if (!body.includes('"tools/call"')) return false;
        const { id, params } = JSON.parse(body);
        const said = (rest: string): string => `data: {"jsonrpc":"2.0","id":${id},${rest}}\n\n`;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`id: ${params.name}\nretry: 1\ndata:\n\n`);
        if (params.name === "cut") response.end();
        if (params.name === "wrong") response.end(`id: 2\n${said('"error":{"code":1,"message":"no such colour"}')}`);
        if (params.name === "slow") slow.push(() => response.end(said('"result":{"content":[]}')));
        return true;
      },
    },
  );
  const endSlow = (): void => {
    for (const end of slow) end();
  };
  return { ...http, resumed: () => resumed, endSlow };
}

/** Far longer than the 1 ms after which a stream is asked for again. */
async function passTime(stage: McpStage): Promise<void> {
  for (let count = 0; count < 30; count++) await stage.call("wrong").catch(() => undefined);
}

test("a call whose stream ends is told so when its server cannot go on with it, not when its time is over", async () => {
  await using http = await startCutting((response) => void response.writeHead(405).end());
  await using stage = createMcpStage(http.settings(more));

  const error = await stage.call("cut").catch((reason: unknown) => reason);

  expect(String(error)).toContain("the connection ended before the answer");
  expect(http.resumed()).toBe(1);
});

test("an error that is told in a stream with ids ends no other call", async () => {
  await using http = await startCutting((response) => void response.writeHead(404).end());
  await using stage = createMcpStage(http.settings(more));
  await stage.tools();

  const slow = stage.call("slow", {}, {}, "bob");
  const wrong = await stage.call("wrong");
  await passTime(stage);
  http.endSlow();

  expect(wrong).toEqual({ text: "no such colour", isError: true, isCut: false });
  expect(await slow).toMatchObject({ isError: false });
  expect(http.resumed()).toBe(0);
});

test("a call in a stream with ids that is called off ends no other one", async () => {
  await using http = await startCutting((response) => void response.writeHead(404).end());
  await using stage = createMcpStage(http.settings(more));
  const leaving = new AbortController();
  await stage.tools();

  const slow = stage.call("slow", {}, {}, "bob");
  const long = stage.call("long", {}, { signal: leaving.signal }).catch(() => "called off");
  await passTime(stage);
  leaving.abort();
  expect(await long).toBe("called off");
  await passTime(stage);
  http.endSlow();

  expect(await slow).toMatchObject({ isError: false });
  expect(http.resumed()).toBe(0);
});
