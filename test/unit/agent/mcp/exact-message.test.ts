// What tool servers say by themselves, with null for what they have nothing for.

import { expect, test } from "bun:test";
import { exactMessage } from "../../../../src/agent/mcp/exact-message.ts";
import { startFakeHttp } from "../../../support/fake-mcp-http.ts";
import { createMcpStage } from "../../../support/mcp-stage.ts";

test("exactMessage leaves out fields of null, and gives an exact message back itself", () => {
  const exact = { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 1, message: null } };

  expect(exactMessage(exact)).toBe(exact);
  expect(exactMessage({ ...exact, id: null, result: null, error: null })).toEqual(exact);
  expect(exactMessage({ jsonrpc: "2.0", id: 1, method: "ping", params: null })).toEqual({
    jsonrpc: "2.0",
    id: 1,
    method: "ping",
  });
});

test("a request of a server with null for its params is answered", async () => {
  const answered = Promise.withResolvers<string>();
  await using http = await startFakeHttp(
    { tools: [{ name: "pings", text: "not asked" }] },
    {
      instead(request, response, body) {
        const isAnswer = request.method === "POST" && !body.includes('"method"');
        if (isAnswer) {
          answered.resolve(body);
          response.writeHead(202).end();
        }
        if (!body.includes('"tools/call"')) return isAnswer;
        const { id } = JSON.parse(body);
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write('data: {"jsonrpc":"2.0","id":7,"method":"ping","params":null}\n\n');
        void answered.promise.then(() =>
          response.end(`data: {"jsonrpc":"2.0","id":${id},"result":{"content":[]}}\n\n`),
        );
        return true;
      },
    },
  );
  await using stage = createMcpStage(http.settings({ callTimeoutMs: 5000 }));

  expect(await stage.call("pings")).toMatchObject({ isError: false });
  expect(JSON.parse(await answered.promise)).toEqual({ jsonrpc: "2.0", id: 7, result: {} });
});

test("exactMessage leaves out what a greeting has nothing for, and keeps null in other results", () => {
  const capabilities = { tools: { listChanged: null }, prompts: null };
  const serverInfo = { name: "x", version: "1", title: null };
  const greeting = { protocolVersion: "2025-06-18", capabilities, serverInfo, instructions: null };
  const other = { jsonrpc: "2.0", id: 2, result: { content: [], structuredContent: { day: null } } };

  expect(exactMessage({ jsonrpc: "2.0", id: 1, result: greeting })).toEqual({
    jsonrpc: "2.0",
    id: 1,
    result: {
      protocolVersion: "2025-06-18",
      capabilities: { tools: {} },
      serverInfo: { name: "x", version: "1" },
    },
  });
  expect(exactMessage(other)).toBe(other);
});

test("a server whose greeting has null for what it leaves open is connected", async () => {
  const greeting = {
    protocolVersion: "2025-06-18",
    capabilities: { tools: { listChanged: null }, logging: null },
    serverInfo: { name: "x", version: "1", title: null },
    instructions: null,
  };
  await using http = await startFakeHttp(
    {},
    {
      instead(_request, response, body) {
        const { id, method } = JSON.parse(body === "" ? "{}" : body);
        if (id === undefined) {
          response.writeHead(method === undefined ? 405 : 202).end();
          return true;
        }
        const result = method === "initialize" ? greeting : { tools: [{ name: "plain" }], nextCursor: null };
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
        return true;
      },
    },
  );
  await using stage = createMcpStage(http.settings());

  expect((await stage.tools()).map(({ name }) => name)).toEqual(["plain"]);
});
