// The commands about tool servers on the executable: the MCP SDK works as it is compiled, over both of its ways.

import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPlace, runBinary } from "../support/binary.ts";
import { fakeProcess } from "../support/fake-mcp.ts";
import { startFakeHttp } from "../support/fake-mcp-http.ts";

// Far beyond what the test needs, for machines that are busy with something else.
setDefaultTimeout(60_000);

const script = { tools: [{ name: "read_note", annotations: { readOnlyHint: true } }, { name: "environment" }] };

test("mcp test of the executable reaches a process, both forms of HTTP, and says what does not work [R4-057]", async () => {
  using place = createPlace();
  await using newer = await startFakeHttp(script);
  await using older = await startFakeHttp(script, { form: "sse" });
  const { target } = fakeProcess(script);
  const file = join(place.folder, "mcp.json");
  const mcpServers = {
    notes: target.kind === "stdio" ? { command: target.command, args: target.args } : {},
    newer: { url: newer.url },
    older: { url: older.url },
    gone: { command: "no-such-command" },
  };
  writeFileSync(file, JSON.stringify({ mcpServers }));

  const { exitCode, output, errors } = await runBinary(["mcp", "test", "--mcp-config", file], {}, place);

  expect(errors).toBe("");
  expect(output.match(/connected over \w+/g)).toEqual([
    "connected over stdio",
    "connected over http",
    "connected over sse",
  ]);
  expect(output.match(/read_note {4}reads/g)).toHaveLength(3);
  expect(output).toContain('failed  Cannot start tool server "gone": there is no command "no-such-command"');
  expect(exitCode).toBe(1);
});
