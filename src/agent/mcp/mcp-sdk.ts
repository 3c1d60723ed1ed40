// The parts of the MCP SDK, each loaded when it is first needed: it would cost the start 19 ms and the idle process 6 MB.

export type McpSdk = Awaited<ReturnType<typeof loadMcpSdk>>;

export async function loadMcpSdk() {
  const [{ Client }, types] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  return { Client, ...types };
}

export async function loadHttpTransports() {
  const [{ StreamableHTTPClientTransport }, { SSEClientTransport }] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
    import("@modelcontextprotocol/sdk/client/sse.js"),
  ]);
  return { StreamableHTTPClientTransport, SSEClientTransport };
}

/** Of the server's own answer, by JSON-RPC. Any number: many hand on the HTTP statuses of what stands behind them. */
export function answerCodeOf(error: unknown): number | undefined {
  const code = isAnswer(error) ? codeOf(error) : undefined;
  return typeof code === "number" ? code : undefined;
}

/** Of the transport: how HTTP or the system refused. */
export function transportCodeOf(error: unknown): unknown {
  return isAnswer(error) ? undefined : codeOf(error);
}

/** Only what was answered with a status tells that there is a server which speaks something else. */
export function statusOf(error: unknown): number | undefined {
  const code = transportCodeOf(error);
  return typeof code === "number" ? code : undefined;
}

/** By the mark of its class, which is loaded with the SDK. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === "McpError";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
