// Calls of tools over real transports: a child process, streamable HTTP, and the older form over SSE.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ServerResponse } from "node:http";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import { fakeProcess, type FakeTool } from "../../../support/fake-mcp.ts";
import { type FakeHttpServer, startFakeHttp } from "../../../support/fake-mcp-http.ts";
import { createMcpStage, type McpStage } from "../../../support/mcp-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else: they start processes.
setDefaultTimeout(30_000);

const tools: readonly FakeTool[] = [
  {
    name: "echo",
    does: "echo",
    description: "Gives back",
    inputSchema: { properties: { text: { type: "string" } }, required: ["text"] },
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  },
  { name: "plain", text: "done" },
  { name: "data", text: "", structured: { sum: 3 } },
  { name: "wrong", text: "no such file", isError: true },
  { name: "refuse", does: "refuse" },
  { name: "refuse_1", does: "refuse", code: 1 },
  { name: "refuse_400", does: "refuse", code: 400 },
  { name: "refuse_401", does: "refuse", code: 401 },
  { name: "refuse_404", does: "refuse", code: 404 },
  { name: "never", does: "never" },
  { name: "progress", does: "progress" },
  { name: "ask", does: "ask" },
  { name: "sample", does: "sample" },
  { name: "gallery", does: "gallery" },
  { name: "seen", does: "seen" },
];

type Form = "stdio" | "http" | "sse";
const forms: readonly Form[] = ["stdio", "http", "sse"];

interface Stage extends AsyncDisposable {
  readonly stage: McpStage;
}

async function open(form: Form, options: Parameters<typeof createMcpStage>[1] = {}): Promise<Stage> {
  const http: FakeHttpServer | undefined = form === "stdio" ? undefined : await startFakeHttp({ tools }, { form });
  const stage = createMcpStage(http?.settings() ?? fakeProcess({ tools }), options);
  return {
    stage,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      await http?.[Symbol.asyncDispose]();
    },
  };
}

/** Over HTTP one request may overtake another. */
async function untilSeen(stage: McpStage, line: string): Promise<void> {
  while (!(await stage.call("seen")).text.includes(line));
}

async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  if (error instanceof GatewayError) return error;
  throw new Error(`no GatewayError but ${error}`);
}

describe.each(forms.map((form) => [form] as const))("a tool server over %s", (form) => {
  test("lists its tools with schema and hints [R4-057]", async () => {
    await using opened = await open(form);

    const [echo, plain] = await opened.stage.tools();

    expect(echo).toEqual({
      server: "fake",
      name: "echo",
      description: "Gives back",
      inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
      hints: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(plain).toMatchObject({ name: "plain", hints: {} });
    expect(opened.stage.servers.views("ann")).toEqual([
      { name: "fake", state: "ready", transport: form, tools: tools.length, error: undefined },
    ]);
  });

  test("is called with its arguments, and answers as text and as data [R4-057]", async () => {
    await using opened = await open(form);

    expect(await opened.stage.call("echo", { text: "grüß 你好" })).toEqual({
      text: '{"text":"grüß 你好"}',
      structured: { text: "grüß 你好" },
      isError: false,
      isCut: false,
    });
    expect(await opened.stage.call("data")).toMatchObject({ text: '{"sum":3}', structured: { sum: 3 } });
  });

  test("says by its result that it failed [R4-057]", async () => {
    await using opened = await open(form);

    expect(await opened.stage.call("wrong")).toMatchObject({ text: "no such file", isError: true });
  });

  test("refuses wrong arguments in its own words, for the model to read [R4-057]", async () => {
    await using opened = await open(form);

    const result = await opened.stage.call("refuse");

    expect(result).toEqual({ text: "colour must be a text", isError: true, isCut: false });
  });

  // Servers hand on the codes of what stands behind them: a 404 of a calendar is none of their own.
  test.each([1, 400, 401, 404])("refuses once with a code such as %d, and stays connected [R4-057]", async (code) => {
    await using opened = await open(form);

    const result = await opened.stage.call(`refuse_${code}`);

    expect(result).toEqual({ text: "colour must be a text", isError: true, isCut: false });
    const seen = (await opened.stage.call("seen")).text.split("\n");
    expect(seen.filter((line) => line.startsWith("call"))).toEqual([`call refuse_${code}`, "call seen"]);
  });

  test("tells of its progress, every step and in order [R4-057]", async () => {
    await using opened = await open(form);
    const told: string[] = [];

    const result = await opened.stage.call("progress", {}, { onProgress: (message) => void told.push(message) });

    expect(told).toEqual(["step 1", "step 2", "step 3"]);
    expect(result.text).toBe("three steps");
  });

  test("hears that a call is called off, which rejects at once [R4-057] [R4-067]", async () => {
    await using opened = await open(form);
    const caller = new AbortController();
    const reason = new Error("hung up");
    await opened.stage.tools();

    const call = opened.stage.call("never", {}, { signal: caller.signal });
    await opened.stage.call("plain");
    caller.abort(reason);

    expect(await call.catch((error: unknown) => error)).toBe(reason);
    await untilSeen(opened.stage, "cancelled never");
  });

  test("is told to stop what takes too long [R4-057]", async () => {
    await using opened = await open(form, { callTimeoutMs: 400 });

    const error = await failureOf(opened.stage.call("never"));

    expect(error.kind).toBe("upstream-timeout");
    expect(error.message).toBe('Cannot finish "never" of tool server "fake": no answer within 400 ms');
    await untilSeen(opened.stage, "cancelled never");
  });

  test("asks the person in the middle of a call [R4-057]", async () => {
    await using opened = await open(form);
    const asked: unknown[] = [];

    const result = await opened.stage.call(
      "ask",
      {},
      {
        async elicit(question) {
          asked.push(question);
          return { action: "accept", content: { colour: "teal" } };
        },
      },
    );

    expect(asked).toEqual([
      { message: "Which colour?", schema: { type: "object", properties: { colour: { type: "string" } } } },
    ]);
    expect(JSON.parse(result.text)).toEqual({ action: "accept", content: { colour: "teal" } });
  });

  test("is declined where nobody can be asked [R4-057]", async () => {
    await using opened = await open(form);

    expect(JSON.parse((await opened.stage.call("ask")).text)).toEqual({ action: "decline" });
  });

  test("may not ask the model unless somebody lets it [R4-057]", async () => {
    await using closed = await open(form);
    await using opened = await open(form, {
      sample: async ({ server, user, messages, maxTokens }) => ({
        text: JSON.stringify({ server, user, messages, maxTokens }),
        model: "qwen",
      }),
    });

    const refused = await closed.stage.call("sample");
    const { text } = JSON.parse((await opened.stage.call("sample")).text);

    expect(refused.isError).toBe(true);
    expect(JSON.parse(text)).toEqual({
      server: "fake",
      user: "ann",
      messages: [{ role: "user", text: "Say hello" }],
      maxTokens: 100,
    });
  });

  test("names pictures and sound, and gives the text of resources, of linked ones too [R4-057]", async () => {
    await using opened = await open(form);

    const { text } = await opened.stage.call("gallery");

    expect(text.split("\n")).toEqual([
      "a picture:",
      "[image: image/png, 3 KB]",
      "[audio: audio/wav, 1 KB]",
      "[resource: file:///notes.txt]",
      "milk, bread",
      "[resource: file:///data.bin, application/zip, 1 KB]",
      "[resource: handbook, file:///handbook.md]",
      "text of file:///handbook.md",
    ]);
  });
});

describe("questions of a server", () => {
  test("take the time that a person needs, which is not the call's [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }), { callTimeoutMs: 1000 });

    const result = await stage.call(
      "ask",
      {},
      {
        async elicit() {
          // As long as any call may take.
          await failureOf(stage.call("never"));
          return { action: "decline" };
        },
      },
    );

    expect(JSON.parse(result.text)).toEqual({ action: "decline" });
  });

  test("reach nobody while calls of two users run, since the server does not say whose they are [R4-025]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const elicit = async () => ({ action: "accept" as const, content: {} });
    const others = new AbortController();
    await stage.tools();

    const other = stage.call("never", {}, { signal: others.signal }, "bob");
    await stage.call("plain", {}, {}, "bob");
    const result = await stage.call("ask", {}, { elicit }, "ann");
    others.abort();
    await other.catch(() => undefined);

    expect(JSON.parse(result.text)).toEqual({ action: "decline" });
  });
});

describe("questions of a server to one user", () => {
  const accept = async () => ({ action: "accept" as const, content: {} });
  const answerOf = ({ text }: { text: string }): string => JSON.parse(text).action;
  const runOf = () => ({ signal: new AbortController().signal });

  test("reach nobody while calls of two runs work: an answer must not come to the wrong one", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const other = new AbortController();
    await stage.tools();

    const working = stage.call("never", {}, { signal: other.signal });
    await stage.call("plain", {}, runOf());
    const answer = answerOf(await stage.call("ask", {}, { ...runOf(), elicit: accept }));
    other.abort();
    await working.catch(() => undefined);

    expect(answer).toBe("decline");
  });

  test("reach their run beside other calls of it", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const leaving = new AbortController();
    const { signal } = leaving;
    await stage.tools();

    const working = stage.call("never", {}, { signal });
    await stage.call("plain", {}, { signal });
    const answer = answerOf(await stage.call("ask", {}, { signal, elicit: accept }));
    leaving.abort();
    await working.catch(() => undefined);

    expect(answer).toBe("accept");
  });

  test("reach the run that works while another waits for the user's answer", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const asked = Promise.withResolvers<void>();
    const decided = Promise.withResolvers<{ action: "decline" }>();
    const elicit = (): Promise<{ action: "decline" }> => {
      asked.resolve();
      return decided.promise;
    };

    const waiting = stage.call("ask", {}, { ...runOf(), elicit });
    await asked.promise;
    const answer = answerOf(await stage.call("ask", {}, { ...runOf(), elicit: accept }));
    decided.resolve({ action: "decline" });

    expect(answer).toBe("accept");
    expect(answerOf(await waiting)).toBe("decline");
  });
});

/** Calls are answered with this, as a stream, as JSON, or on the one stream of the older form. */
function startInexact(answer: string, form: "stream" | "json" | "older stream") {
  let older: ServerResponse | undefined;
  const raw: FakeTool = { name: "raw", text: "not asked" };
  return startFakeHttp(
    { tools: [raw] },
    {
      form: form === "older stream" ? "sse" : "http",
      instead(request, response, body) {
        if (request.method === "GET") older = response;
        if (!body.includes('"tools/call"')) return false;
        const message = `{"jsonrpc":"2.0","id":${JSON.parse(body).id},${answer}}`;
        if (form === "json") response.writeHead(200, { "content-type": "application/json" }).end(message);
        else if (form === "older stream") {
          older?.write(`event: message\r\ndata:${message}\r\n\r\n`);
          response.writeHead(202).end();
        } else {
          response.writeHead(200, { "content-type": "text/event-stream" });
          // The connection stays: whoever waits for its end would wait.
          response.write(`event: message\ndata: ${message.slice(0, 20)}`);
          setTimeout(() => response.write(`${message.slice(20)}\n\n`), 5);
        }
        return true;
      },
    },
  );
}

describe("a tool server that is not exact", () => {
  const content = '[{"type":"text","text":"done"}]';
  const raw = (text: string): FakeTool => ({ name: "raw", does: "raw", raw: text });
  const more = { callTimeoutMs: 3000 };

  test.each([
    ["has nothing to give", '"result":null', ""],
    ["says that there was no error", `"result":{"content":${content}},"error":null`, "done"],
    ["has no notes", `"result":{"content":${content},"_meta":null}`, "done"],
    ["gives a bare text", '"result":"done"', "done"],
    ["gives a bare list", `"result":${content}`, "done"],
    ["gives a bare number", '"result":3', "3"],
  ])("is understood when it %s [R4-057]", async (_what, answer, text) => {
    await using stage = createMcpStage(fakeProcess({ tools: [raw(answer)] }, more));
    expect(await stage.call("raw")).toEqual({ text, isError: false, isCut: false });

    for (const form of ["stream", "json", "older stream"] as const) {
      await using http = await startInexact(answer, form);
      await using away = createMcpStage(http.settings(more));
      expect(await away.call("raw")).toEqual({ text, isError: false, isCut: false });
    }
  });

  test.each([
    ["no code", '"error":{"message":"no such file"}', "no such file"],
    ["a bare text", '"error":"no such file"', "no such file"],
    ["a result of null beside", '"result":null,"error":{"code":-32000,"message":"no such file"}', "no such file"],
    ["no words", '"error":{"code":7}', "The server gave no reason"],
    ["neither result nor error", '"ok":true', "The server gave an answer that MCP does not know"],
  ])("is told to the model at once, with %s [R4-057]", async (_what, answer, text) => {
    await using stage = createMcpStage(fakeProcess({ tools: [raw(answer)] }, more));
    expect(await stage.call("raw")).toEqual({ text, isError: true, isCut: false });

    for (const form of ["stream", "json", "older stream"] as const) {
      await using http = await startInexact(answer, form);
      await using away = createMcpStage(http.settings(more));
      expect(await away.call("raw")).toEqual({ text, isError: true, isCut: false });
    }
  });
});

describe("a tool server over HTTP", () => {
  test("gets the headers of its settings with every request [R4-057]", async () => {
    await using http = await startFakeHttp({ tools }, { token: "s3cret" });
    const { url } = http;
    const headers = { authorization: "Bearer s3cret", "x-team": "blue" };
    await using stage = createMcpStage(http.settings({ target: { kind: "http", url, headers, oauth: undefined } }));

    expect((await stage.call("plain")).text).toBe("done");
    expect(http.lastHeaders()).toMatchObject({ authorization: "Bearer s3cret", "x-team": "blue" });
  });

  test("that refuses the credentials says so, without a word of its own [R4-057]", async () => {
    await using http = await startFakeHttp({ tools }, { token: "s3cret" });
    await using stage = createMcpStage(http.settings());

    expect(await stage.tools()).toEqual([]);
    expect(stage.servers.views("ann")[0]).toMatchObject({
      state: "failed",
      error: 'Cannot reach tool server "fake": it refused the credentials with HTTP 401; check its headers',
    });
    // The older form is not tried with credentials that are refused.
    expect(http.seen).toEqual(["POST /mcp"]);
  });

  test("is asked in the older form when it does not know the newer [R4-057]", async () => {
    await using http = await startFakeHttp({ tools }, { form: "sse" });
    await using stage = createMcpStage(http.settings());

    expect((await stage.call("plain")).text).toBe("done");
    expect(http.seen.slice(0, 2)).toEqual(["POST /sse", "GET /sse"]);
    expect(stage.servers.views("ann")[0]?.transport).toBe("sse");
  });

  test("may answer as JSON in place of a stream [R4-057]", async () => {
    await using http = await startFakeHttp({ tools }, { isPlain: true });
    await using stage = createMcpStage(http.settings());

    expect((await stage.call("echo", { text: "hello" })).structured).toEqual({ text: "hello" });
  });

  test("that forgot its sessions is greeted anew, and the call is made once [R4-057]", async () => {
    await using http = await startFakeHttp({ tools });
    await using stage = createMcpStage(http.settings());
    await stage.tools();
    http.forgetSessions();

    const result = await stage.call("plain");

    expect(result.text).toBe("done");
    expect(http.seen.filter((line) => line === "call plain")).toHaveLength(1);
  });

  test("that breaks off within an answer fails the call at once [R4-057]", async () => {
    await using http = await startFakeHttp(
      { tools },
      {
        instead(_request, response, body) {
          if (!body.includes('"tools/call"')) return false;
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.end(": nothing follows\n\n");
          return true;
        },
      },
    );
    await using stage = createMcpStage(http.settings());

    const error = await failureOf(stage.call("plain"));

    expect(error.message).toBe('Cannot use tool server "fake": the connection ended before the answer');
  });

  test("that answers a call with HTTP 500 is told by it, and not called again [R4-057]", async () => {
    let calls = 0;
    await using http = await startFakeHttp(
      { tools },
      {
        instead(_request, response, body) {
          if (!body.includes('"tools/call"')) return false;
          calls += 1;
          response.writeHead(500).end("stack trace with a password");
          return true;
        },
      },
    );
    await using stage = createMcpStage(http.settings());

    const error = await failureOf(stage.call("plain"));

    expect(error.message).toBe('Cannot use tool server "fake": it answered HTTP 500');
    expect(calls).toBe(1);
  });

  test("that is not there is told by its name [R4-057]", async () => {
    const target = { kind: "any-http", url: "http://127.0.0.1:9/mcp", headers: {}, oauth: undefined } as const;
    await using stage = createMcpStage(fakeProcess({}, { target }));

    await stage.tools();

    expect(stage.servers.views("ann")[0]?.error).toBe('Cannot reach tool server "fake": nobody listens there');
  });

  test("that is some other web server is told so [R4-057]", async () => {
    using web = Bun.serve({
      port: 0,
      fetch: () => new Response("<html>hello</html>", { headers: { "content-type": "text/html" } }),
    });
    const target = { kind: "any-http", url: web.url.href, headers: {}, oauth: undefined } as const;
    await using stage = createMcpStage(fakeProcess({}, { target }));

    await stage.tools();

    expect(stage.servers.views("ann")[0]?.error).toBe(
      'Cannot reach tool server "fake": it does not answer as an MCP server',
    );
  });
});
