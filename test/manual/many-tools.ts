// Five hundred tools with names and descriptions as servers have them, and a server of them for an agent to be measured
// with: `bun test/manual/many-tools.ts`. Its first tool makes the list a new one.

import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createFakeServer, type FakeTool } from "../support/fake-mcp.ts";

const things = "invoice ticket photo song recipe customer server branch paper lamp".split(" ");
const verbs = "list get find count add create update rename delete archive".split(" ");

export function manyTools(count = 500): FakeTool[] {
  return Array.from({ length: count }, (_, index) => {
    const thing = things[index % things.length] ?? "";
    const verb = verbs[Math.floor(index / things.length) % verbs.length] ?? "";
    return {
      name: `${verb}_${thing}_${index}`,
      description: `${verb} one ${thing} of the many that service number ${index} keeps for its customers. Use it when somebody asks for a ${thing} by its name, its number or the day on which it was made. It needs the id of the ${thing}, and gives all its fields.`,
      inputSchema: {
        properties: { id: { type: "string", description: `Id of the ${thing}` }, limit: { type: "integer" } },
      },
    };
  });
}

if (import.meta.main) {
  const grow: FakeTool = { name: "grow_list", description: "Adds a tool", annotations: { readOnlyHint: true } };
  await createFakeServer({ tools: [{ ...grow, does: "grow" }, ...manyTools()] }).server.connect(
    new StdioServerTransport(),
  );
}
