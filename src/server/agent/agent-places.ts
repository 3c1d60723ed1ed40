// Where the agent's routes are, under both families of names. Apart from what they do, which is loaded with the first request.

import type { RoutePlace } from "../lazy-routes.ts";

export type AgentRoute =
  "whole" | "stream" | "capabilities" | "examples" | "confirm" | "drop" | "cancel" | "deprecated";

export interface AgentPlace extends RoutePlace {
  readonly route: AgentRoute;
}

/** When the old route was deprecated, in the form of RFC 9745, and what follows it. */
const deprecation: Readonly<Record<string, string>> = {
  deprecation: "@1764115200",
  link: '</api/agent>; rel="successor-version"',
};

/** A path that ends in an asterisk names a question. */
export const agentPlaces: readonly AgentPlace[] = [
  { method: "POST", path: "/api/agent", route: "whole" },
  { method: "POST", path: "/api/agent/stream", route: "stream" },
  { method: "GET", path: "/api/agent/capabilities", route: "capabilities" },
  { method: "GET", path: "/api/agent/examples", route: "examples" },
  { method: "POST", path: "/api/agent/confirm", route: "confirm" },
  { method: "DELETE", path: "/api/agent/confirm/*", route: "drop" },
  { method: "POST", path: "/api/agent/cancel", route: "cancel" },
  { method: "POST", path: "/api/voice/llm", route: "whole" },
  { method: "POST", path: "/api/voice/llm/stream", route: "stream" },
  { method: "GET", path: "/api/voice/capabilities", route: "capabilities" },
  { method: "GET", path: "/api/voice/examples", route: "examples" },
  { method: "POST", path: "/api/voice/confirm", route: "confirm" },
  { method: "DELETE", path: "/api/voice/confirm/*", route: "drop" },
  { method: "POST", path: "/api/voice/cancel", route: "cancel" },
  { method: "POST", path: "/api/voice", route: "deprecated", headers: deprecation },
];
