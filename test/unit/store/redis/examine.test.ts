// The doctor's look at a shared store: what is wrong with it, and what to do.

import { describe, expect, test } from "bun:test";
import { examineStore } from "../../../../src/store/redis/examine.ts";
import { freePort } from "../../../support/ports.ts";
import { findRedis, startRedis } from "../../../support/redis-server.ts";

const executable = findRedis();

describe.skipIf(executable === undefined)("examineStore", () => {
  test("examineStore tells how fast a sound server answers, and nothing else", async () => {
    await using server = await startRedis(executable ?? "");
    const lines = await examineStore(server.url);

    expect(lines).toMatchObject([{ verdict: "ok", subject: "shared store" }]);
    expect(lines[0]?.finding).toMatch(
      /^redis:\/\/127\.0\.0\.1:\d+\/0 answers in \d+\.\d\d ms \(Redis \d+\.\d+\.\d+\)$/,
    );
  });

  test("examineStore warns of a server that forgets", async () => {
    await using server = await startRedis(executable ?? "", [
      "--maxmemory",
      "100mb",
      "--maxmemory-policy",
      "allkeys-lru",
    ]);
    await server.run("CONFIG", "SET", "appendonly", "no");
    const findings = (await examineStore(server.url)).filter(({ verdict }) => verdict === "warn");

    expect(findings.map(({ advice }) => advice)).toEqual([
      'set "appendonly yes" there',
      'set "maxmemory-policy noeviction" there',
    ]);
  });

  test("examineStore warns where its user may not listen, so that a dead gateway is noticed late", async () => {
    await using server = await startRedis(executable ?? "");
    const rights = ["~qwen-gateway:*", "+@all", "-@dangerous", "+info"];
    await server.run("ACL", "SETUSER", "deaf", "on", ">word", ...rights);
    await server.run("ACL", "SETUSER", "whole", "on", ">word", ...rights, "&qwen-gateway:*");
    const findings = async (user: string) =>
      (await examineStore(`redis://${user}:word@127.0.0.1:${server.port}`)).filter(({ verdict }) => verdict !== "ok");

    expect((await findings("deaf")).map(({ advice }) => advice)).toEqual(['let it use "&qwen-gateway:*" there']);
    expect(await findings("whole")).toEqual([]);
  });

  test("examineStore tells a wrong password from a server that is not there, and shows neither", async () => {
    await using server = await startRedis(executable ?? "", ["--requirepass", "right"]);
    const [refused] = await examineStore(`redis://somebody:wrong-word@127.0.0.1:${server.port}`);
    const [away] = await examineStore(`redis://somebody:wrong-word@127.0.0.1:${freePort()}`);

    expect(refused).toMatchObject({
      verdict: "fail",
      finding: `redis://127.0.0.1:${server.port} refuses the connection`,
    });
    expect(away?.finding).toEndWith("cannot be reached");
    expect(JSON.stringify([refused, away])).not.toMatch(/wrong-word|somebody/);
  });

  test("examineStore refuses a replica", async () => {
    await using primary = await startRedis(executable ?? "");
    await using replica = await startRedis(executable ?? "", ["--replicaof", "127.0.0.1", `${primary.port}`]);

    expect(await examineStore(replica.url)).toContainEqual(
      expect.objectContaining({ verdict: "fail", finding: "it is a replica, which takes no writes" }),
    );
  });
});
