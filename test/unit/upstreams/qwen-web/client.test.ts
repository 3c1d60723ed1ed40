// What the backend may answer to a call, where its answer alone tells whether the call did anything.

import { expect, test } from "bun:test";
import { createFetchClient } from "../../../../src/outbound/fetch-client.ts";
import { createQwenWebClient } from "../../../../src/upstreams/qwen-web/client.ts";
import { parseAccount } from "../../../../src/upstreams/qwen-web/accounts/parse-account.ts";

function deleteWith(answer: Response): Promise<void> {
  const client = createQwenWebClient({
    http: createFetchClient(async () => answer),
    baseUrl: "https://qwen.test",
    chatTitle: "Test",
    userAgent: "test",
    clock: Date.now,
  });
  return client.deleteChat(parseAccount({ token: "test-token" }), "c", new AbortController().signal);
}

const page = { headers: { "content-type": "text/html" } };
const refused = (code: string, details: string) => ({ success: false, data: { code, details } });

test.each([
  ["its envelope", Response.json({ success: true, data: { status: true } })],
  ["nothing", new Response(null, { status: 204 })],
  ["404 and a page", new Response("<html>404</html>", { ...page, status: 404 })],
  ["404 and an envelope", Response.json(refused("Not_Found", "Not Found"), { status: 404 })],
  ["an actual 404", Response.json(refused("x", "y"), { headers: { "x-actual-status-code": "404" } })],
  ["a chat that is gone", Response.json(refused("Bad_Request", "Invalid input the chat c is not exist."))],
])("deleteChat takes %s for done", async (_name, answer) => {
  expect(await deleteWith(answer)).toBeUndefined();
});

test.each([
  ["that it did not", Response.json({ success: true, data: { status: false } }), "upstream-failed"],
  ["an internal error", Response.json(refused("internal_error", "Internal Error")), "upstream-failed"],
  ["a page of the firewall", new Response("<html>aliyun_waf_aa</html>", page), "upstream-challenge"],
])("deleteChat fails where it is told %s", async (_name, answer, kind) => {
  await expect(deleteWith(answer)).rejects.toMatchObject({ kind });
});
