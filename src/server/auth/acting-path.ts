// Which addresses act in the world: the agent, its older names, and the gateway as a tool server. They are never open by
// themselves, not even where everything else is.

const actingPaths = ["/api/agent", "/api/voice", "/mcp"] as const;

/** The gateway as a tool server acts without tool servers of its own: it asks the model. */
export function isMcpPath(path: string): boolean {
  return path === "/mcp" || path.startsWith("/mcp/");
}

/** @param path raw, as in `Trip.path`: the router compares the same string */
export function isActingPath(path: string): boolean {
  return actingPaths.some((acting) => path === acting || path.startsWith(`${acting}/`));
}
