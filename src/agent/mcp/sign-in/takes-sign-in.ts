// Whether a person may have to sign in at a tool server, by its settings alone.

import type { ToolServerAddress } from "../../../config/mcp-servers.ts";

/** A token of the settings, or one that is fetched by a secret of theirs, leaves nothing to sign in for. */
export function takesSignIn({ headers, oauth }: Pick<ToolServerAddress, "headers" | "oauth">): boolean {
  return oauth === undefined && !Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
}
