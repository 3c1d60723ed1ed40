// Tool servers over HTTP that tell the error of a tool under a status of refusal, or under no id, or nothing.

import { expect, test } from "bun:test";
import { startFakeHttp } from "../../../support/fake-mcp-http.ts";
import { createMcpStage } from "../../../support/mcp-stage.ts";

const tools = [{ name: "pay", text: "not asked" }];

/** @param answer may hold the id of the call as `ID` */
async function startRefusing(status: number, answer: string, contentType = "application/json") {
  const calls: string[] = [];
  const http = await startFakeHttp(
    { tools },
    {
      instead(_request, response, body) {
        if (!body.includes('"tools/call"')) return false;
        const message = JSON.parse(body);
        calls.push(message.params.name);
        response.writeHead(status, { "content-type": contentType }).end(answer.replace("ID", message.id));
        return true;
      },
    },
  );
  return { ...http, calls };
}

test.each([
  [400, '{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"no such account"}}'],
  [400, '{"id":ID,"error":"no such account"}'],
  [400, '{"jsonrpc":"2.0","id":"ID","error":{"code":-32000,"message":"no such account"}}'],
  [422, '{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"no such account"}}'],
  [500, '{"jsonrpc":"2.0","id":ID,"result":null,"error":{"code":-32603,"message":"no such account"}}'],
])("a call that is answered under HTTP %d is made once, and the model reads the reason: %s", async (status, answer) => {
  await using http = await startRefusing(status, answer);
  await using stage = createMcpStage(http.settings());

  const result = await stage.call("pay");

  expect(result).toEqual({ text: "no such account", isError: true, isCut: false });
  expect(http.calls).toEqual(["pay"]);
  expect(stage.servers.views("ann")[0]?.state).toBe("ready");
});

test.each([
  [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no valid session"}}'],
  [400, '{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"no valid session"}}'],
  [400, "no valid session"],
  [404, '{"jsonrpc":"2.0","id":ID,"error":{"code":-32001,"message":"Session not found"}}'],
])("a call that HTTP %d has kept from its server is made once more: %s", async (status, answer) => {
  await using http = await startRefusing(status, answer);
  await using stage = createMcpStage(http.settings());

  const error = await stage.call("pay").catch((reason: unknown) => reason);

  expect(String(error)).toContain(`it answered HTTP ${status}`);
  expect(http.calls).toEqual(["pay", "pay"]);
});

test.each([
  ['{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no such account"}}'],
  ['{"jsonrpc":"2.0","error":{"code":-32600,"message":"no such account"}}'],
  ['[{"jsonrpc":"2.0","error":"no such account"}]'],
])("an error that names no request answers the one whose response it is: %s", async (answer) => {
  await using http = await startRefusing(200, answer);
  await using stage = createMcpStage(http.settings());

  const result = await stage.call("pay");

  expect(result).toEqual({ text: "no such account", isError: true, isCut: false });
});

test.each([['{"jsonrpc":"2.0","id":900,"result":{}}'], ["[]"]])(
  "a response that holds no answer to its request fails the call at once: %s",
  async (answer) => {
    await using http = await startRefusing(200, answer);
    await using stage = createMcpStage(http.settings({ callTimeoutMs: 10_000 }));

    const error = await stage.call("pay").catch((reason: unknown) => reason);

    expect(String(error)).toContain("the connection ended before the answer");
    expect(http.calls).toEqual(["pay"]);
  },
);
