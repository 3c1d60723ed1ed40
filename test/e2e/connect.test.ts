// connect and disconnect by the executable in an empty home: every agent's file is written, leads to a gateway that answers,
// and is gone again.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../../src/cli/connect/list-agents.ts";
import { createPlace, runBinary, startBinary } from "../support/binary.ts";

const docs = join(import.meta.dir, "..", "..", "docs");

// Far beyond what the test needs, for machines that are busy with something else.
setDefaultTimeout(60_000);

test("the executable connects every agent in an empty home, and leaves nothing of it behind", async () => {
  using place = createPlace();

  for (const { name, place: settings } of agents) {
    const connected = await runBinary(["connect", name], {}, place);
    expect(connected.errors).toBe("");
    expect(existsSync(join(place.home, settings.usual, settings.files[0]!))).toBe(true);
  }
  const listed = await runBinary(["connect"], {}, place);
  // Backwards: a folder that was made for one of them goes when those who share it are gone.
  for (const { name } of agents.toReversed()) await runBinary(["disconnect", name], {}, place);

  expect(listed.output.match(/ connected to http:\/\/127\.0\.0\.1:8787 with qwen3-max/g)).toHaveLength(agents.length);
  expect(readdirSync(place.home)).toEqual([".local"]);
  expect(readdirSync(join(place.home, ".local/share/qwen-gateway/connected-agents"))).toEqual([]);
});

describe.each(agents.map((agent) => [agent.name, agent] as const))("docs/agents/%s.md", (name, agent) => {
  const page = readFileSync(join(docs, "agents", `${name}.md`), "utf8");
  const lines = /^```sh\n([\s\S]*?)^```$/m.exec(page)?.[1]?.trim().split("\n") ?? [];

  test("its three lines connect, start and disconnect the agent", async () => {
    using place = createPlace();
    const file = join(place.home, agent.place.usual, agent.place.files[0]!);
    const run = (line: string) => runBinary(line.replace(/^qwen-gateway /, "").split(" "), {}, place);
    const [connect = "", start = "", disconnect = ""] = lines;

    expect(lines).toHaveLength(3);
    expect(await run(`${connect} --dry-run`)).toMatchObject({ exitCode: 0, errors: "" });
    expect(existsSync(file)).toBe(false);
    expect(await run(connect)).toMatchObject({ exitCode: 0, errors: "" });
    expect(existsSync(file)).toBe(true);
    expect(agent.programs).toContain(start.split(" ").at(-1)!);
    expect(await run(disconnect)).toMatchObject({ exitCode: 0, errors: "" });
    expect(existsSync(file)).toBe(false);
  });

  test("names what is written, and the line for one shell where there is one", async () => {
    using place = createPlace();
    const printed = await runBinary(["connect", name, "--print"], {}, place);

    expect(page.includes(`eval "$(qwen-gateway connect ${name} --print)"`) || name === "zed").toBe(
      printed.exitCode === 0,
    );
    expect(page).toContain(agent.place.files[0]!);
    expect(page).toContain("Known limits:");
    expect(readFileSync(join(docs, "agents.md"), "utf8")).toContain(`(agents/${name}.md)`);
  });
});

test("what the executable wrote for Claude Code is accepted by a gateway with keys", async () => {
  using place = createPlace();
  const folder = join(place.home, ".config/qwen-gateway");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), "api_key: [sk-e2e]\n");
  await using gateway = await startBinary(["--port", "0"], {}, place);
  await runBinary(["connect", "claude-code", "--url", gateway.url, "--key", "env:KEY"], { KEY: "sk-e2e" }, place);

  const { env } = JSON.parse(readFileSync(join(place.home, ".claude/settings.json"), "utf8"));
  const response = await fetch(`${env.ANTHROPIC_BASE_URL}/v1/messages?beta=true`, {
    method: "POST",
    headers: { authorization: `Bearer ${env.ANTHROPIC_AUTH_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: env.ANTHROPIC_MODEL,
      max_tokens: 100,
      messages: [{ role: "user", content: "Hello" }],
    }),
  });

  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ type: "message", role: "assistant" });
});
