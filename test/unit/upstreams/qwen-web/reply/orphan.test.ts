// A generation whose client left before it was accepted: what it is stopped by.

import { expect, test } from "bun:test";
import { createFetchClient } from "../../../../../src/outbound/fetch-client.ts";
import { createQwenWebClient } from "../../../../../src/upstreams/qwen-web/client.ts";
import { featureConfigOf } from "../../../../../src/upstreams/qwen-web/model-mode.ts";
import { sendOrStop } from "../../../../../src/upstreams/qwen-web/reply/orphan.ts";
import { parseAccount } from "../../../../../src/upstreams/qwen-web/accounts/parse-account.ts";
import { createCompletionBody, createQwenMessage } from "../../../../../src/upstreams/qwen-web/request-body.ts";

const delta =
  '{"choices":[{"delta":{"role":"assistant","content":"Hi","phase":"answer","status":"typing"}}],"response_id":"r"}';

/** Sends a message, leaves at once, and reads what the backend is told to stop. */
async function leave(...events: readonly string[]): Promise<{ isAtRest: boolean; stopped: unknown[] }> {
  const stopped: unknown[] = [];
  const http = createFetchClient(async (request) => {
    if (new URL(request.url).pathname.endsWith("/stop")) {
      stopped.push(await request.json());
      return Response.json({ success: true, data: {} });
    }
    // One event after the other, and no end: it goes on for a long time.
    const rest = [...events];
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const event = rest.shift();
        if (event === undefined) return new Promise(() => {});
        controller.enqueue(new TextEncoder().encode(`data: ${event}\n\n`));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const client = createQwenWebClient({
    http,
    baseUrl: "https://qwen.test",
    chatTitle: "Test",
    userAgent: "test",
    clock: Date.now,
  });
  const account = parseAccount({ token: "test-token", cookies: undefined });
  const message = createQwenMessage({
    content: "hello",
    files: [],
    parentId: null,
    model: "qwen3-max",
    chatType: "t2t",
    featureConfig: featureConfigOf({ thinking: "fast", search: false }, undefined),
    nowMs: 0,
  });
  const leaving = new AbortController();
  const sending = sendOrStop(client, account, createCompletionBody("c", null, "qwen3-max", message), leaving.signal);
  leaving.abort(new Error("left"));
  await sending.accepted.catch(() => {});
  return { isAtRest: await sending.isAtRest(), stopped };
}

test("sendOrStop reads on for the id of the answer when the first event has none", async () => {
  const { isAtRest, stopped } = await leave('{"response.created":{"chat_id":"c","parent_id":"p"}}', delta);

  expect(stopped).toEqual([{ chat_id: "c", response_id: "r" }]);
  expect(isAtRest).toBe(true);
});
