// An agent by the name that the user wrote.

import { nearestName } from "../../config/nearest-name.ts";
import { UsageError } from "../command.ts";
import type { Agent } from "./agent.ts";
import { agents } from "./list-agents.ts";

/** @throws {UsageError} */
export function findAgent(name: string): Agent {
  const agent = agents.find((candidate) => candidate.name === name);
  if (agent !== undefined) return agent;
  const nearest = nearestName(
    name,
    agents.map((candidate) => candidate.name),
  );
  const hint = nearest === undefined ? `the agents are ${listNames()}` : `did you mean "${nearest}"?`;
  throw new UsageError(`Unknown agent ${JSON.stringify(name)}: ${hint}`);
}

export function listNames(): string {
  return agents.map(({ name }) => name).join(", ");
}
