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

/** Only what was answered with a status tells that there is a server which speaks something else. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;
}
