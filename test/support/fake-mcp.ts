// A tool server that does as its script says, on the server side of the MCP SDK: as a child process
// (`bun test/support/fake-mcp.ts SCRIPT`), or over HTTP in both of its forms (fake-mcp-http.ts).

import { writeSync } from "node:fs";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { ToolServerSettings } from "../../src/config/mcp-servers.ts";

/** What a tool does when it is called. */
export type FakeAct =
  /** Gives its arguments back. */
  | "echo"
  /** Answers when it is called off, which nobody hears. */
  | "never"
  /** Tells three steps. */
  | "progress"
  /** Tells as many long steps as its argument `steps` says. */
  | "chatter"
  /** An error of the protocol. */
  | "refuse"
  /** Ends the process. */
  | "crash"
  /** Ends the process behind its answer. */
  | "farewell"
  /** Blocks the process for ever. */
  | "hang"
  /** Asks the person for a colour. */
  | "ask"
  /** Asks the model. */
  | "sample"
  /** What the server has seen so far. */
  | "seen"
  /** The environment of the process. */
  | "environment"
  /** The process id, and that of a process it has started. */
  | "family"
  /** Offers one tool more, and says that the list has changed. */
  | "grow"
  /** Other words than messages on standard output. */
  | "garbage"
  /** As many bytes as its argument `bytes` says. */
  | "big"
  /** A line without an end. */
  | "endless"
  /** Notifications without an end. */
  | "flood"
  /** Answers without an end to what nobody has asked. */
  | "answers"
  /** A step of progress that is no number, and then its answer. */
  | "oddity"
  /** Its `raw` behind the id, on a line of its own. */
  | "raw"
  /** One byte of its answer now and then, and never the last. */
  | "drip"
  /** Every kind of content. */
  | "gallery";

export interface FakeTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema?: object;
  readonly annotations?: object;
  /** Its description, and one within its schema, are of so many characters: more than a command line may have. */
  readonly descriptionChars?: number;
  readonly schemaChars?: number;
  /** @defaultValue it answers with `text` */
  readonly does?: FakeAct;
  readonly text?: string;
  readonly structured?: object;
  readonly isError?: boolean;
  readonly delayMs?: number;
  /** Of the error by which it refuses. @defaultValue -32602 */
  readonly code?: number;
  readonly raw?: string;
}

export interface FakeScript {
  readonly tools?: readonly FakeTool[];
  /** So many more tools, `tool_1` and so on. */
  readonly more?: number;
  /** Tools a page. @defaultValue all on one */
  readonly pageSize?: number;
  /** Every page says that there is another one. */
  readonly endlessPages?: boolean;
  /** Instead of a server that answers. */
  readonly start?: "silent" | "exit" | "endless";
  /** Does not listen to SIGTERM, nor to the end of its input. */
  readonly isStubborn?: boolean;
}

export interface FakeServer {
  readonly server: Server;
  /** `call NAME`, `cancelled NAME`. */
  readonly seen: readonly string[];
}

/** Settings that start it as a child process. */
export function fakeProcess(script: FakeScript, more: Partial<ToolServerSettings> = {}): ToolServerSettings {
  return {
    name: "fake",
    target: {
      kind: "stdio",
      command: process.execPath,
      args: [import.meta.path, JSON.stringify(script)],
      env: {},
      cwd: undefined,
    },
    isDisabled: false,
    isShared: true,
    callTimeoutMs: undefined,
    ...more,
  };
}

/** @param seen shared by the sessions of an HTTP server */
export function createFakeServer(script: FakeScript, seen: string[] = []): FakeServer {
  const tools: FakeTool[] = [...(script.tools ?? [])];
  for (let index = 1; index <= (script.more ?? 0); index++) tools.push({ name: `tool_${index}`, text: `${index}` });
  const server = new Server(
    { name: "fake-mcp", version: "1.0.0" },
    { capabilities: { tools: { listChanged: true }, resources: {}, logging: {} } },
  );

  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    seen.push("list");
    const from = Number(params?.cursor ?? 0);
    const to = from + (script.pageSize ?? tools.length);
    const hasMore = to < tools.length || script.endlessPages === true;
    return {
      tools: tools
        .slice(from, to)
        .map(({ name, description, descriptionChars, inputSchema, schemaChars, annotations }) => ({
          name,
          ...(description === undefined ? {} : { description }),
          ...(descriptionChars === undefined ? {} : { description: "y".repeat(descriptionChars) }),
          inputSchema: {
            type: "object" as const,
            ...inputSchema,
            ...(schemaChars === undefined ? {} : { description: "z".repeat(schemaChars) }),
          },
          ...(annotations === undefined ? {} : { annotations }),
        })),
      ...(hasMore ? { nextCursor: String(script.endlessPages === true ? from + 1 : to) } : {}),
    };
  });

  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
    contents: [{ uri: params.uri, text: `text of ${params.uri}` }],
  }));

  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params }, { signal, sendNotification, sendRequest, requestId, _meta }) => {
      const tool = tools.find(({ name }) => name === params.name);
      if (tool === undefined) throw new McpError(-32602, `Unknown tool: ${params.name}`);
      seen.push(`call ${tool.name}`);
      const input = params.arguments ?? {};
      const text = (said: string) => ({ content: [{ type: "text" as const, text: said }] });
      if (tool.delayMs !== undefined) await delay(tool.delayMs, signal);
      switch (tool.does) {
        case "echo":
          return { ...text(JSON.stringify(input)), structuredContent: input };
        case "never":
          await delay(2_000_000_000, signal);
          seen.push(`cancelled ${tool.name}`);
          return text("too late");
        case "progress":
          for (let step = 1; step <= 3; step++) {
            const progressToken = _meta?.progressToken;
            if (progressToken === undefined) continue;
            const message = `step ${step}`;
            await sendNotification({
              method: "notifications/progress",
              params: { progressToken, progress: step, total: 3, message },
            });
          }
          return text("three steps");
        case "chatter": {
          const progressToken = _meta?.progressToken;
          for (let step = 1; progressToken !== undefined && step <= Number(input["steps"]); step++) {
            const message = `step ${step} ${"and so on ".repeat(40)}`;
            const params = { progressToken, progress: step, message };
            await sendNotification({ method: "notifications/progress", params });
          }
          return text("all steps");
        }
        case "refuse":
          throw new McpError(tool.code ?? -32602, "colour must be a text");
        case "crash":
          process.exit(3);
          break;
        case "farewell":
          setImmediate(() => process.exit(0));
          return text("goodbye");
        case "hang":
          for (;;);
        case "ask": {
          const requestedSchema = { type: "object" as const, properties: { colour: { type: "string" as const } } };
          const elicited = await sendRequest(
            { method: "elicitation/create", params: { message: "Which colour?", requestedSchema } },
            ElicitResultSchema,
          );
          return text(JSON.stringify(elicited));
        }
        case "sample": {
          const asked = { role: "user" as const, content: { type: "text" as const, text: "Say hello" } };
          const sampled = await sendRequest(
            { method: "sampling/createMessage", params: { messages: [asked], maxTokens: 100 } },
            CreateMessageResultSchema,
          );
          return text(JSON.stringify(sampled.content));
        }
        case "seen":
          return text(seen.join("\n"));
        case "environment":
          return text(JSON.stringify(process.env));
        case "family": {
          const child = Bun.spawn(["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });
          return text(JSON.stringify({ parent: process.pid, child: child.pid }));
        }
        case "grow":
          tools.push({ name: `grown_${tools.length}`, text: "new" });
          await server.sendToolListChanged();
          return text("grown");
        case "garbage":
          writeSync(1, 'Listening for you!\n{"broken\n[1,2]\n{"jsonrpc":"2.0","id":99999,"result":{}}\n\u0000\u0001\n');
          return text("behind the garbage");
        case "big":
          return text("x".repeat(Number(input["bytes"])));
        case "endless":
          return writeForEver();
        case "flood":
          for (;;) {
            await sendNotification({ method: "notifications/message", params: { level: "info", data: "x" } });
            await new Promise((resolve) => setImmediate(resolve));
          }
        case "answers":
          for (;;) {
            process.stdout.write('{"jsonrpc":"2.0","id":99999,"result":{}}\n');
            await new Promise((resolve) => setImmediate(resolve));
          }
        case "oddity": {
          const params = { progressToken: _meta?.progressToken, progress: { toString: 1, valueOf: 1 } };
          writeSync(1, `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params })}\n`);
          return text("behind the oddity");
        }
        case "raw":
          writeSync(1, `{"jsonrpc":"2.0","id":${requestId},${tool.raw}}\n`);
          // Its own answer would be the second.
          await delay(2_000_000_000, signal);
          return text("");
        case "drip":
          writeSync(1, '{"jsonrpc":"2.0",');
          for (;;) {
            writeSync(1, " ");
            await delay(5, signal);
            if (signal.aborted) return text("");
          }
        case "gallery":
          return { content: gallery };
        default:
          return {
            ...text(tool.text ?? "done"),
            ...(tool.structured === undefined ? {} : { structuredContent: { ...tool.structured } }),
            ...(tool.isError === undefined ? {} : { isError: tool.isError }),
          };
      }
      return text("");
    },
  );
  return { server, seen };
}

const gallery = [
  { type: "text" as const, text: "a picture:" },
  { type: "image" as const, mimeType: "image/png", data: "A".repeat(4096) },
  { type: "audio" as const, mimeType: "audio/wav", data: "A".repeat(1024) },
  { type: "resource" as const, resource: { uri: "file:///notes.txt", mimeType: "text/plain", text: "milk, bread" } },
  { type: "resource" as const, resource: { uri: "file:///data.bin", mimeType: "application/zip", blob: "AAAA" } },
  { type: "resource_link" as const, name: "handbook", uri: "file:///handbook.md" },
];

function writeForEver(): never {
  for (const block = new Uint8Array(65_536).fill(120); ;) {
    try {
      writeSync(1, block);
    } catch {
      // The pipe is full for a moment.
    }
  }
}

/** Ends early with the signal, and never rejects. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // Called off in one breath with the call.
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, Math.min(ms, 2_000_000_000));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

if (import.meta.main) {
  // Its own form, written above by fakeProcess.
  const script = JSON.parse(process.argv[2] ?? "{}") as FakeScript;
  if (script.isStubborn === true) {
    process.on("SIGTERM", () => {});
    setInterval(() => {}, 1_000_000);
  }
  if (script.start === "exit") {
    console.error("cannot start: no database");
    process.exit(7);
  } else if (script.start === "silent") process.stdin.resume();
  else if (script.start === "endless") writeForEver();
  else await createFakeServer(script).server.connect(new StdioServerTransport());
}
