// The gateway as an MCP server, asked by the SDK's own client over HTTP.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, test } from "bun:test";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { getEventListeners } from "node:events";
import { answerOwnRequest, createOwnServer } from "../../../src/agent/own-server.ts";
import { createOwnTools, type OwnToolParts } from "../../../src/agent/own-tools.ts";
import { GatewayError } from "../../../src/contract/gateway-error.ts";
import { mcpPlace } from "../../../src/server/agent/mcp-place.ts";
import { mcpRoute } from "../../../src/server/agent/mcp-route.ts";
import { startTestServer } from "../server/test-server.ts";

function toolsOf(parts: Partial<OwnToolParts>) {
  const unused = (): never => {
    throw new Error("not asked for in this test");
  };
  return createOwnTools({
    ask: unused,
    search: unused,
    runAgent: unused,
    listSessions: unused,
    continueSession: unused,
    ...parts,
  });
}

async function connect(parts: Partial<OwnToolParts>) {
  const tools = toolsOf(parts);
  const server = startTestServer({
    maxBodyBytes: 1_000_000,
    agent: "open",
    rooms: [
      { places: [mcpPlace], load: async (edge) => [mcpRoute({ version: "1.2.3", tools, keepAliveMs: 20, ...edge })] },
    ],
  });
  const client = new Client({ name: "test", version: "1" });
  // The cast is for `exactOptionalPropertyTypes`, which the SDK's own types do not keep.
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`)) as never);
  return { client, server, [Symbol.asyncDispose]: () => client.close() };
}

const acceptsBoth = { "content-type": "application/json", accept: "application/json, text/event-stream" };

const textOf = (result: unknown): string => (result as { content: { text: string }[] }).content[0]?.text ?? "";

describe("POST /mcp", () => {
  test("tells who it is and lists its five tools with their schemas and hints", async () => {
    await using mcp = await connect({});

    const { tools } = await mcp.client.listTools();

    expect(mcp.client.getServerVersion()).toMatchObject({ name: "qwen-gateway", version: "1.2.3" });
    expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual([
      ["ask_qwen", true],
      ["search_documents", true],
      ["run_agent", false],
      ["list_sessions", true],
      ["continue_session", false],
    ]);
    expect(tools[0]?.inputSchema).toMatchObject({ type: "object", required: ["prompt"] });
  });

  test("asks the model, with progress for who wants it", async () => {
    await using mcp = await connect({
      async ask({ prompt, system }, { caller, onProgress }) {
        onProgress("thinking");
        return `${caller}: ${system}: ${prompt}`;
      },
    });
    const told: unknown[] = [];

    const result = await mcp.client.callTool(
      { name: "ask_qwen", arguments: { prompt: "Why?", system: "Be brief" } },
      undefined,
      { onprogress: ({ message }) => void told.push(message) },
    );

    expect(textOf(result)).toBe("local: Be brief: Why?");
    expect(told).toEqual(["thinking"]);
  });

  test("takes null for what a model leaves open", async () => {
    const asked: unknown[] = [];
    await using mcp = await connect({
      async ask(question) {
        asked.push(question);
        return "yes";
      },
      listSessions: async (limit) => [{ session_id: "s1", title: `of ${limit}`, updated_at: 1 }],
    });

    await mcp.client.callTool({ name: "ask_qwen", arguments: { prompt: "Why?", system: null, model: null } });
    const listed = await mcp.client.callTool({ name: "list_sessions", arguments: { limit: null } });
    const refused = await mcp.client.callTool({ name: "ask_qwen", arguments: { prompt: null } });

    expect(asked).toEqual([{ prompt: "Why?", system: undefined, model: undefined }]);
    expect(textOf(listed)).toBe("s1: of 20");
    expect(textOf(refused)).toContain('"prompt" is missing');
  });

  test.each([
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":null,"_meta":null}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_sessions","arguments":null}}',
    '[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_sessions","_meta":{"progressToken":null}}}]',
    '\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}',
  ])("takes null for what a client leaves open: %s", async (body) => {
    await using mcp = await connect({ listSessions: async () => [] });

    const response = await mcp.server.post("/mcp", body, acceptsBoth);

    expect(response.status).toBe(200);
    expect(await response.text()).toContain('"result":');
  });

  test("gives passages as text and as data", async () => {
    const source = { chunk_id: "1", document_name: "lease.pdf", text: "Three months.", score: 0.9 };
    await using mcp = await connect({ search: async () => [source] });

    const result = await mcp.client.callTool({ name: "search_documents", arguments: { query: "notice" } });

    expect(textOf(result)).toBe("[1] lease.pdf\nThree months.");
    expect(result.structuredContent).toEqual({ sources: [source] });
  });

  test("runs the agent; what waits for the user is no error", async () => {
    const pending = {
      confirmation_id: "c1",
      commands: [{ service: "files", command: "delete_file", arguments: { path: "a" } }],
      risk: "destructive" as const,
      expires_at: 1,
    };
    await using mcp = await connect({
      runAgent: async () => ({
        success: true,
        totalExecutionTime: 1,
        results: [],
        answer: "Waits for your confirmation: delete_file.",
        session_id: "s1",
        pending,
      }),
    });

    const result = await mcp.client.callTool({ name: "run_agent", arguments: { query: "Delete a" } });

    expect(textOf(result)).toBe(
      'Waits for your confirmation: delete_file. It is answered at POST /api/agent/confirm, as confirmation_id "c1".',
    );
    expect(result.isError).toBe(false);
    expect(result.structuredContent).toMatchObject({ pending });
  });

  test("says in words how a question of the agent is answered: models seldom see more", async () => {
    await using mcp = await connect({
      runAgent: async () => ({
        success: true,
        totalExecutionTime: 1,
        results: [],
        needsClarification: true,
        clarificationQuestion: "Which John?",
        session_id: "s1",
      }),
    });

    const result = await mcp.client.callTool({ name: "run_agent", arguments: { query: "Meet John" } });

    expect(textOf(result)).toBe('Which John? Call run_agent with the answer and session_id "s1".');
    expect(result.isError).toBe(false);
  });

  test("lists and continues conversations", async () => {
    await using mcp = await connect({
      listSessions: async (limit) => [{ session_id: "s1", title: `of ${limit}`, updated_at: 1 }],
      continueSession: async (sessionId, message) => `${sessionId} answers ${message}`,
    });

    const list = await mcp.client.callTool({ name: "list_sessions", arguments: { limit: 3 } });
    const answer = await mcp.client.callTool({
      name: "continue_session",
      arguments: { session_id: "s1", message: "And?" },
    });

    expect(textOf(list)).toBe("s1: of 3");
    expect(textOf(answer)).toBe("s1 answers And?");
  });

  test.each([
    ["an argument that is missing", "ask_qwen", {}, '"prompt" is missing'],
    ["an argument of the wrong kind", "search_documents", { query: "x", limit: "two" }, '"limit"'],
    ["an unknown tool", "fly", {}, 'There is no tool "fly"'],
  ])("tells the model of %s", async (_what, name, input, words) => {
    await using mcp = await connect({});

    const result = await mcp.client.callTool({ name, arguments: input });

    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain(words);
  });

  test("a failure is told in its sentence, and nothing of the inside", async () => {
    await using mcp = await connect({
      ask: async () => {
        throw new GatewayError("upstream-quota", "The account is at its limit until 10:00");
      },
      search: async () => {
        throw new Error("SELECT secret");
      },
    });

    const quota = await mcp.client.callTool({ name: "ask_qwen", arguments: { prompt: "Why?" } });
    const inside = await mcp.client.callTool({ name: "search_documents", arguments: { query: "x" } });

    expect(textOf(quota)).toBe("The account is at its limit until 10:00");
    expect(textOf(inside)).not.toContain("secret");
  });

  test("a client that leaves ends the call", async () => {
    const ended = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using mcp = await connect({
      ask: (_question, { signal }) => {
        begun.resolve();
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            ended.resolve();
            reject(signal.reason);
          });
        });
      },
    });
    const leaving = new AbortController();

    const call = mcp.client.callTool({ name: "ask_qwen", arguments: { prompt: "Why?" } }, undefined, {
      signal: leaving.signal,
    });
    call.catch(() => {});
    await begun.promise;
    await mcp.client.close();

    await ended.promise;
  });

  test("a long call hears comments until it is answered, and the client passes them over", async () => {
    const held = Promise.withResolvers<string>();
    await using mcp = await connect({ ask: () => held.promise });
    const call = { name: "ask_qwen", arguments: { prompt: "Why?" } };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params: call });
    const byClient = mcp.client.callTool(call);

    const response = await mcp.server.post("/mcp", body, acceptsBoth);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let heard = "";
    while (heard.split(": keepalive\n\n").length < 4) heard += (await reader.read()).value ?? "ended";
    held.resolve("Because.");
    for (let next = await reader.read(); !next.done; next = await reader.read()) heard += next.value;

    expect(heard).toMatch(/^(?:: keepalive\n\n){3,}event: message\ndata: \{[^\n]*"text":"Because\."[^\n]*\}\n\n$/);
    expect(textOf(await byClient)).toBe("Because.");
  });

  test("what is no message is refused in the protocol's own form, and there is nothing to GET", async () => {
    await using mcp = await connect({});

    const broken = await mcp.server.post("/mcp", "{", acceptsBoth);
    const nameless = await mcp.server.post("/mcp", '{"jsonrpc":"2.0","id":null,"method":"ping"}', acceptsBoth);
    const got = await mcp.server.get("/mcp", acceptsBoth);

    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ jsonrpc: "2.0", error: { code: -32700 } });
    expect(nameless.status).toBe(400);
    expect(got.status).toBe(405);
  });
});

test("createOwnServer asks anew for each call who calls, so that each has its own request id", async () => {
  const tools = toolsOf({ ask: async (_question, { requestId }) => requestId });
  let calls = 0;
  const server = createOwnServer({ version: "1.2.3", tools }, () => ({ caller: "local", requestId: `req_${++calls}` }));
  const client = new Client({ name: "test", version: "1" });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  const ask = async () => textOf(await client.callTool({ name: "ask_qwen", arguments: { prompt: "Which?" } }));

  expect([await ask(), await ask()]).toEqual(["req_1", "req_2"]);
  await client.close();
});

test.each(["read", "left", "no body"])(
  "answerOwnRequest leaves nothing at the signal of the gateway's end: %s",
  async (how) => {
    const { signal } = new AbortController();
    const message = { jsonrpc: "2.0", method: how === "no body" ? "notifications/initialized" : "ping" };
    const request = new Request("http://127.0.0.1/mcp", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify(how === "no body" ? message : { ...message, id: 1 }),
    });
    const options = { version: "1.2.3", tools: toolsOf({}) };

    const response = await answerOwnRequest(
      options,
      request,
      { caller: "local", requestId: "req_1" },
      signal,
      new Map(),
    );
    if (how === "left") await response.body?.cancel();
    else await response.text();

    expect(response.ok).toBe(true);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  },
);

test("POST /mcp: a call that its client calls off is stopped, and that of another client with the same id is not", async () => {
  const begun: { prompt: string; signal: AbortSignal; end(): void }[] = [];
  const both = Promise.withResolvers<void>();
  await using mcp = await connect({
    ask({ prompt }, { signal }) {
      const { promise, resolve } = Promise.withResolvers<void>();
      begun.push({ prompt, signal, end: resolve });
      if (begun.length === 2) both.resolve();
      return promise.then(() => "An answer");
    },
  });
  const other = new Client({ name: "test", version: "1" });
  await other.connect(new StreamableHTTPClientTransport(new URL(`${mcp.server.url}/mcp`)) as never);
  const leaving = new AbortController();
  const asking = (client: Client, prompt: string, signal?: AbortSignal) =>
    client.callTool({ name: "ask_qwen", arguments: { prompt } }, undefined, signal === undefined ? {} : { signal });
  const left = asking(mcp.client, "left", leaving.signal).catch(() => "called off");
  const kept = asking(other, "kept");
  await both.promise;
  const [ofLeft, ofKept] = ["left", "kept"].map((name) => begun.find(({ prompt }) => prompt === name));
  const stopped = new Promise<void>((resolve) => ofLeft?.signal.addEventListener("abort", () => resolve()));

  leaving.abort();
  await stopped;

  expect(await left).toBe("called off");
  expect(ofKept?.signal.aborted).toBe(false);
  ofKept?.end();
  expect(textOf(await kept)).toBe("An answer");
  ofLeft?.end();
  await other.close();
});
