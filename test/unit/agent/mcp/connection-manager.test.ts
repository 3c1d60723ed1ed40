// Connections to tool servers: when they are made, whose they are, and what happens when one ends.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { GatewayError } from "../../../../src/contract/gateway-error.ts";
import type { ToolServers } from "../../../../src/agent/tools.ts";
import { fakeProcess, type FakeTool } from "../../../support/fake-mcp.ts";
import { startFakeHttp } from "../../../support/fake-mcp-http.ts";
import { createMcpStage } from "../../../support/mcp-stage.ts";
import { isAlive, untilEnded } from "../../../support/processes.ts";
import { until } from "../../../support/until.ts";

// Far beyond what the tests need, for machines that are busy with something else: they start processes.
setDefaultTimeout(30_000);

const tools: readonly FakeTool[] = [
  { name: "plain", text: "done" },
  { name: "family", does: "family" },
  { name: "crash", does: "crash" },
  { name: "farewell", does: "farewell" },
  { name: "never", does: "never" },
  { name: "hang", does: "hang" },
  { name: "grow", does: "grow" },
  { name: "seen", does: "seen" },
  { name: "environment", does: "environment" },
];

async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  if (error instanceof GatewayError) return error;
  throw new Error(`no GatewayError but ${error}`);
}

/** The processes behind "family": the server's, and one that it has started. */
async function familyOf(
  stage: ReturnType<typeof createMcpStage>,
  user?: string,
): Promise<{ parent: number; child: number }> {
  return JSON.parse((await stage.call("family", {}, {}, user)).text);
}

function stateOf(servers: ToolServers, user = "ann"): string | undefined {
  return servers.views(user)[0]?.state;
}

describe("connections to tool servers", () => {
  test("are made when they are first needed [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));

    expect(stateOf(stage.servers)).toBe("idle");
    const discovering = stage.tools();
    expect(stateOf(stage.servers)).toBe("connecting");
    await discovering;
    expect(stateOf(stage.servers)).toBe("ready");
  });

  test("give those tools alone that the settings leave [R4-057]", async () => {
    const only = { only: ["plain", "never", "crash"], without: ["crash"] };
    await using stage = createMcpStage(fakeProcess({ tools }, { toolChoice: only }));

    expect((await stage.tools()).map(({ name }) => name)).toEqual(["plain", "never"]);
  });

  test("are one for all users [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));

    const [ann, bob] = await Promise.all([familyOf(stage, "ann"), familyOf(stage, "bob")]);

    expect(ann.parent).toBe(bob.parent);
  });

  test("are one for each user where the settings say so [R4-025] [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }, { isShared: false }));

    const [ann, bob, annAgain] = await Promise.all([
      familyOf(stage, "ann"),
      familyOf(stage, "bob"),
      familyOf(stage, "ann"),
    ]);

    expect(ann.parent).not.toBe(bob.parent);
    expect(annAgain.parent).toBe(ann.parent);
    expect(stateOf(stage.servers, "eve")).toBe("idle");
  });

  test("of users who have been away for long are ended [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }, { isShared: false }));
    const ann = await familyOf(stage, "ann");

    stage.pass(11 * 60_000);
    await stage.tools("bob");

    await untilEnded(ann.parent);
    expect(stateOf(stage.servers, "ann")).toBe("idle");
  });

  test("of a process that died are told, and made again at the next need [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));

    const error = await failureOf(stage.call("crash"));

    expect(error.message).toBe('Cannot use tool server "fake": its process ended with code 3');
    expect(stage.servers.views("ann")[0]).toMatchObject({ state: "failed", error: error.message });
    expect((await stage.call("plain")).text).toBe("done");
    expect(stateOf(stage.servers)).toBe("ready");
  });

  test("of a process that ends behind its answer bring the answer [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));

    expect((await stage.call("farewell")).text).toBe("goodbye");
    await until(() => stateOf(stage.servers) !== "ready");
    expect((await stage.call("plain")).text).toBe("done");
  });

  test("that fail again and again are tried after 1 s, 2 s, and at last every minute [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ start: "exit" }));
    let starts = 0;
    const starting = async (): Promise<boolean> => {
      const before = starts;
      const discovering = stage.tools();
      if (stateOf(stage.servers) === "connecting") starts += 1;
      await discovering;
      return starts > before;
    };

    expect([await starting(), await starting(), await starting()]).toEqual([true, true, false]);
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      let waitMs = 0;
      while (!(await starting())) {
        stage.pass(1000);
        waitMs += 1000;
      }
      waits.push(waitMs);
    }

    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(stage.servers.views("ann")[0]?.error).toBe('Cannot start tool server "fake": its process ended with code 7');
  });

  test("that are not tried again yet say when they will be [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const tool = (await stage.tools()).find(({ name }) => name === "plain")!;
    for (let round = 0; round < 2; round++) await failureOf(stage.call("crash"));
    const { signal } = new AbortController();

    const error = await failureOf(stage.servers.call("ann", tool, {}, { signal }));

    expect(error.retryAfterMs).toBe(1000);
  });

  test("that are still being made do not hold up the tools of others [R4-057]", async () => {
    const silent = fakeProcess({ start: "silent" }, { name: "silent" });
    await using stage = createMcpStage([silent, fakeProcess({ tools })], { discoverWaitMs: 100 });

    // A process needs its time to start, on a busy machine more of it than one look waits.
    let found = await stage.tools();
    while (found.length === 0) found = await stage.tools();

    expect(found.map(({ server }) => server)).toEqual(tools.map(() => "fake"));
    expect(stateOf(stage.servers)).toBe("connecting");
  });

  test("to a server that stays silent are given up [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ start: "silent" }), { connectTimeoutMs: 100 });

    expect(await stage.tools()).toEqual([]);
    expect(stage.servers.views("ann")[0]?.error).toBe(
      'Cannot start tool server "fake": it did not answer within 100 ms',
    );
  });

  test("of a server that hangs are ended with it, and made again [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }), { callTimeoutMs: 500 });
    const { parent } = await familyOf(stage);

    const error = await failureOf(stage.call("hang"));
    await untilEnded(parent);

    expect(error.kind).toBe("upstream-timeout");
    expect(stage.servers.views("ann")[0]?.error).toBe(
      'Cannot use tool server "fake": it did not answer any more and was ended',
    );
    expect((await stage.call("plain")).text).toBe("done");
  });

  test("of a server that only lets one call wait stay as they are [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }), { callTimeoutMs: 500 });
    const { parent } = await familyOf(stage);

    await failureOf(stage.call("never"));

    expect((await familyOf(stage)).parent).toBe(parent);
  });

  test("know their tools for a while [R4-056]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }), { cacheMs: 5000 });
    const lists = async (): Promise<number> =>
      (await stage.call("seen")).text.split("\n").filter((line) => line === "list").length;

    expect([await lists(), await lists()]).toEqual([1, 1]);
    stage.pass(5000);
    expect(await lists()).toBe(2);
  });

  test("ask once for all who want the tools at the same time [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));

    await Promise.all([stage.tools("ann"), stage.tools("bob"), stage.tools("ann")]);

    expect((await stage.call("seen")).text).toBe("list\ncall seen");
  });

  test.each(["stdio", "http"])(
    "over %s forget their tools when the server says that they changed [R4-023] [R4-056]",
    async (form) => {
      await using http = await startFakeHttp({ tools });
      await using stage = createMcpStage(form === "http" ? http.settings() : fakeProcess({ tools }));
      const before = await stage.tools();

      await stage.call("grow");
      // Over HTTP the word of it comes on a stream of its own.
      let after = before;
      while (after.length === before.length) {
        await new Promise((resolve) => setImmediate(resolve));
        after = await stage.tools();
      }

      expect(after.map(({ name }) => name)).toEqual([...before.map(({ name }) => name), "grown_9"]);
      expect((await stage.call("grown_9")).text).toBe("new");
    },
  );

  test("end with the process, and with what it has started [R4-046]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const family = await familyOf(stage);
    expect([isAlive(family.parent), isAlive(family.child)]).toEqual([true, true]);

    await stage.servers.close();
    await untilEnded(family.child);

    expect(isAlive(family.parent)).toBe(false);
  });

  test("end even with a process that does not want to [R4-046]", async () => {
    const stubborn = fakeProcess({ tools, isStubborn: true });
    await using stage = createMcpStage(stubborn, { endTimes: { inputMs: 50, termMs: 50 } });
    const { parent, child } = await familyOf(stage);

    await stage.servers.close();
    await untilEnded(child);

    expect(isAlive(parent)).toBe(false);
  });

  test("leave nothing of a process that died by itself [R4-046]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const { child } = await familyOf(stage);

    await failureOf(stage.call("crash"));

    await untilEnded(child);
  });

  test("that are being made end with the rest [R4-046]", async () => {
    await using stage = createMcpStage(fakeProcess({ start: "silent" }));
    const discovering = stage.tools();

    await stage.servers.close();

    expect(await discovering).toEqual([]);
    const { signal } = new AbortController();
    expect(await stage.servers.discover("ann", signal)).toEqual([]);
  });

  test("reject the calls that run when they are closed [R4-046]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    await stage.tools();
    const call = failureOf(stage.call("never"));
    await stage.call("plain");

    await stage.servers.close();

    expect((await call).kind).toBe("upstream-failed");
  });

  test("are not made to a server that is disabled [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }, { isDisabled: true }));

    expect(await stage.tools()).toEqual([]);
    expect(stateOf(stage.servers)).toBe("disabled");
  });

  test("are told for a command that is not there [R4-057]", async () => {
    const target = { kind: "stdio", command: "no-such-command", args: [], env: {}, cwd: undefined } as const;
    await using stage = createMcpStage(fakeProcess({}, { target }));

    await stage.tools();

    expect(stage.servers.views("ann")[0]?.error).toBe(
      'Cannot start tool server "fake": there is no command "no-such-command"',
    );
  });

  test("stop waiting at once when the caller is gone [R4-035]", async () => {
    await using stage = createMcpStage(fakeProcess({ start: "silent" }));
    const caller = new AbortController();
    const reason = new Error("hung up");

    const discovering = stage.servers.discover("ann", caller.signal);
    caller.abort(reason);

    expect(await discovering.catch((error: unknown) => error)).toBe(reason);
  });
});

describe("what was approved", () => {
  test("is called only as long as it is the same [R4-057]", async () => {
    await using stage = createMcpStage(fakeProcess({ tools }));
    const plain = (await stage.tools()).find(({ name }) => name === "plain")!;
    const { signal } = new AbortController();

    const changed = await failureOf(stage.servers.call("ann", { ...plain, hash: "0".repeat(64) }, {}, { signal }));
    const gone = await failureOf(stage.servers.call("ann", { ...plain, name: "planned" }, {}, { signal }));
    const foreign = await failureOf(stage.servers.call("ann", { ...plain, server: "other" }, {}, { signal }));

    expect([changed, gone, foreign].map(({ kind }) => kind)).toEqual(["gone", "gone", "gone"]);
    expect(changed.message).toBe('Cannot call "plain" of tool server "fake": it has changed since it was chosen');
    expect((await stage.call("seen")).text).not.toContain("call plain");
  });
});

describe("the environment of a child process", () => {
  test("holds what programs need and what the settings give, and nothing else of ours [R4-057]", async () => {
    const server = fakeProcess({ tools });
    const target = { ...server.target, env: { CALENDAR_TOKEN: "given" } } as typeof server.target;
    const environment = {
      PATH: process.env["PATH"],
      HOME: "/home/ann",
      LANG: "de_DE.UTF-8",
      LC_TIME: "C",
      TMPDIR: "/tmp",
      QWEN_TOKEN: "secret-1",
      API_KEYS: "secret-2",
      MASTER_KEY: "secret-3",
      DASHSCOPE_API_KEY: "secret-4",
      JWT_SECRET: "secret-5",
      HTTPS_PROXY: "http://ann:secret-6@proxy:8080",
    };
    await using stage = createMcpStage({ ...server, target }, { environment });

    const { text } = await stage.call("environment");

    expect(text).not.toContain("secret-");
    expect(JSON.parse(text)).toMatchObject({ HOME: "/home/ann", LANG: "de_DE.UTF-8", CALENDAR_TOKEN: "given" });
    const names = Object.keys(JSON.parse(text));
    expect(names.filter((name) => /KEY|SECRET|QWEN|PROXY/.test(name))).toEqual([]);
  });
});
