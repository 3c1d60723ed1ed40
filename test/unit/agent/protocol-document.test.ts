// The document of the agent's stream has what whoever writes a client looks for.

import { expect, test } from "bun:test";
import { agentPlaces } from "../../../src/server/agent/agent-places.ts";
import { readProjectFile } from "../house/source-files.ts";

const document = readProjectFile("docs/protocol-agent.md");

test("docs/protocol-agent.md says why it is events over HTTP and no WebSocket [R4-060]", () => {
  expect(document).toMatch(/^## Why events over HTTP and no WebSocket$/m);
});

test("docs/protocol-agent.md has message types, life cycle, errors, security, targets and tests [R4-061]", () => {
  const headings = [...document.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);

  for (const heading of ["Frames", "Life of a run", "Errors", "Security", "Targets", "Tests", "Events as JSON schema"])
    expect(headings).toContain(heading);
});

test("docs/protocol-agent.md names every route, under both names [R4-061]", () => {
  for (const { path } of agentPlaces) expect(document).toContain(path.replace("*", "<id>"));
});
