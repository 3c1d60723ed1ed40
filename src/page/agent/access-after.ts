// Whether the gateway lets this page act, by what it refused with.

/**
 * - `wanted`, `refused`: it wants the agent's token, and got none, or not the right one.
 * - `off`: nobody may act here, because there is nothing to act on.
 */
export type AgentAccess = "granted" | "wanted" | "refused" | "off";

/** The gateway says it in words alone: src/server/auth/acting-caller.ts. */
export function accessAfter(refusal: string, hadToken: boolean): AgentAccess {
  if (refusal.includes("AGENT_OPEN")) return "off";
  return hadToken ? "refused" : "wanted";
}
