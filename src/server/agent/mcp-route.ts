// POST /mcp: the gateway as an MCP server. Without sessions there is nothing to GET and nothing to DELETE.

import { answerOwnRequest, type OwnServerOptions, type RunningOwnCalls } from "../../agent/own-server.ts";
import type { Edge } from "../create-server.ts";
import { mcpPlace } from "./mcp-place.ts";
import { readBody } from "../body/read-body.ts";
import type { ServerRoute } from "../trip.ts";

/** Arguments of one call, a prompt included. */
const maxBodyBytes = 4 * 1024 * 1024;

export function mcpRoute(options: OwnServerOptions & Edge): ServerRoute {
  const running: RunningOwnCalls = new Map();
  return {
    ...mcpPlace,
    async answer({ request, caller, access, requestId }) {
      const body = await readBody(request, Math.min(maxBodyBytes, options.maxBodyBytes));
      // Not before: a body that never ends is cut by the idle timeout.
      options.keepOpen(request);
      const signal = AbortSignal.any([request.signal, options.stopping]);
      const { url, method, headers } = request;
      const message = new Request(url, { method, headers, body });
      return answerOwnRequest(options, message, { caller, access, requestId }, signal, running);
    },
  };
}
