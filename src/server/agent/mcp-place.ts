// Where the gateway is an MCP server. Apart from what it does, which is loaded with the first request.

export const mcpPlace = { method: "POST", path: "/mcp" } as const;
