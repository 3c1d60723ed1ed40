// qwen-gateway setup without questions: what flags and finds lead to, and what is refused.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { modelList, ready, wrongKey } from "../../../support/compatible-plays.ts";
import { serveCompatible } from "../../../support/fake-compatible-server.ts";
import { createSetupStage, type SetupStage } from "./setup-stage.ts";

const vllm = () => serveCompatible([ready], modelList("vllm", "Qwen/Qwen3-8B"));
const nowhere = ["--yes", "--look-at", "none"];

function putKey(stage: SetupStage, key: string): string {
  const path = join(stage.home, "key.txt");
  writeFileSync(path, `${key}\n`);
  return path;
}

describe("setup --yes", () => {
  test("takes what it finds, tries it, writes the file, and says what comes next", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    const { exitCode, printed, complaints } = await stage.run(["--yes", "--look-at", server.url]);

    expect([exitCode, complaints]).toEqual([0, ""]);
    expect(Bun.YAML.parse(stage.file ?? "")).toEqual({
      upstreams: [{ name: "vllm", dialect: "vllm", base_url: server.url }],
    });
    expect(statSync(stage.path).mode & 0o777).toBe(0o600);
    expect(server.completions).toHaveLength(1);
    expect(printed).toContain(`Found: vLLM at ${server.url} (model Qwen/Qwen3-8B)`);
    expect(printed).toMatch(/^ok {4}vllm exchange +Qwen\/Qwen3-8B answered in/m);
    expect(printed).toContain(`new: upstream vllm, vLLM at ${server.url}`);
    expect(printed).toContain("\n  qwen-gateway\n");
    expect(printed).toContain(
      `curl http://127.0.0.1:8787/v1/chat/completions -H 'content-type: application/json' -d '{"model":"Qwen/Qwen3-8B",`,
    );
  });

  test("takes servers by name, with a key from a file, and shows it nowhere", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    const key = putKey(stage, "sk-very-secret");
    const words = ["--upstream", `gpu=${server.url.replace("http://", "")}`, "--upstream-key", `gpu=${key}`];
    const { exitCode, shown } = await stage.run([...nowhere, ...words]);

    expect(exitCode).toBe(0);
    expect(Bun.YAML.parse(stage.file ?? "")).toEqual({
      upstreams: [{ name: "gpu", base_url: server.url, api_keys: ["sk-very-secret"] }],
    });
    expect(server.completions[0]?.headers.get("authorization")).toBe("Bearer sk-very-secret");
    expect(shown).not.toContain("very-secret");
  });

  test("takes keys of services from standard input and from variables", async () => {
    using stage = createSetupStage();
    const words = ["--untested", "--dashscope-key", "-", "--dashscope-region", "cn", "--modelscope-key", "env:MY_KEY"];
    const { exitCode, shown } = await stage.run([...nowhere, ...words], {
      environment: { MY_KEY: "ms-secret" },
      input: "sk-secret-1\nsk-secret-2\n",
    });

    expect(exitCode).toBe(0);
    expect(Bun.YAML.parse(stage.file ?? "")).toEqual({
      dashscope_api_key: ["sk-secret-1", "sk-secret-2"],
      dashscope_region: "cn",
      modelscope_api_key: "ms-secret",
    });
    expect(shown).not.toContain("secret");
  });

  test("copies keys of the environment, and warns of plans once", async () => {
    using stage = createSetupStage();
    const environment = { DASHSCOPE_API_KEY: "sk-sp-a", BAILIAN_TOKEN_PLAN_API_KEY: "sk-sp-b" };
    const { exitCode, printed } = await stage.run([...nowhere, "--untested"], { environment });

    expect(exitCode).toBe(0);
    expect(Bun.YAML.parse(stage.file ?? "")).toMatchObject({
      dashscope_api_key: "sk-sp-a",
      dashscope_plan: "coding",
      upstreams: [{ name: "dashscope-token", plan: "token", api_keys: ["sk-sp-b"] }],
    });
    expect(printed.match(/interactive coding tools only/g)).toHaveLength(1);
    expect(printed).toContain("from DASHSCOPE_API_KEY; the key is copied into the file");
    expect(printed).not.toContain("sk-sp-");
  });

  test("a key that a flag names goes before the environment's, which it warns of", async () => {
    using stage = createSetupStage();
    const { printed } = await stage.run([...nowhere, "--untested", "--dashscope-key", putKey(stage, "sk-a")], {
      environment: { DASHSCOPE_API_KEY: "sk-b" },
    });

    expect(Bun.YAML.parse(stage.file ?? "")).toEqual({ dashscope_api_key: "sk-a" });
    expect(printed).toContain("DASHSCOPE_API_KEY in the environment goes before what the file says");
  });

  test("sets the default model where the list begins with one that does not chat", async () => {
    await using server = serveCompatible([ready], modelList("library", "nomic-embed-text", "qwen3:8b"));
    using stage = createSetupStage();
    await stage.run(["--yes", "--look-at", server.url]);

    expect(stage.file).toContain("default_model: qwen3:8b");
  });

  test("leaves out what it found and what does not work", async () => {
    await using good = vllm();
    await using broken = serveCompatible([{ status: 500, body: "{}" }], modelList("library", "a"));
    await using locked = serveCompatible([ready], { "/v1/models": wrongKey });
    using stage = createSetupStage();
    const { exitCode, printed } = await stage.run([
      "--yes",
      "--look-at",
      [broken, locked, good].map(({ url }) => url).join(),
    ]);

    expect(exitCode).toBe(0);
    expect(printed).toContain("Left out: ollama");
    expect(printed).toContain(`Left out: A server at ${locked.url} needs a key`);
    expect(Bun.YAML.parse(stage.file ?? "")).toMatchObject({ upstreams: [{ name: "vllm" }] });
  });
});

describe("setup --yes writes nothing", () => {
  test("when a server that a flag names does not work, unless it may be untested", async () => {
    await using good = vllm();
    await using locked = serveCompatible([ready], { "/v1/models": wrongKey });
    using stage = createSetupStage();
    const words = [...nowhere, "--upstream", `good=${good.url},locked=${locked.url}`];
    const { exitCode, printed, complaints } = await stage.run(words);

    expect([exitCode, stage.file]).toEqual([1, undefined]);
    expect(printed).toMatch(/^fail +locked key +it needs a key and has none\n +-> /m);
    expect(complaints).toStartWith("Nothing was written: ");
    expect((await stage.run([...words, "--untested"])).exitCode).toBe(0);
    expect(stage.file).toContain("locked");
  });

  test("when nothing is found", async () => {
    using stage = createSetupStage();
    const { exitCode, complaints } = await stage.run(nowhere);

    expect([exitCode, stage.file]).toEqual([1, undefined]);
    expect(complaints).toContain("--upstream NAME=URL");
  });

  test.each([
    [["--upstream", "gpu"], "it is NAME=URL"],
    [["--upstream", "GPU=http://a/v1"], 'the name "GPU"'],
    [["--upstream", "qwen-web=http://a/v1"], "not be taken"],
    [["--upstream", "a=http://a/v1,a=http://b/v1"], "not be taken"],
    [["--upstream", "a=http://ann:sk-secret@a/v1"], "without a password"],
    [["--upstream", "a=ftp://a/v1"], "an address looks like"],
    [["--upstream-key", "a=env:KEY"], "no --upstream has this name"],
    [["--dashscope-key", "sk-secret"], "never the key itself"],
    [["--dashscope-key", "env:NOTHING"], "there is no key"],
    [["--modelscope-key", "env:SENTENCE"], "there is no key"],
    [["--dashscope-key", "-", "--modelscope-key", "-"], 'use "-" once'],
    [["--dashscope-region", "cn"], "without --dashscope-key"],
    [["--dashscope-key", "env:KEY", "--dashscope-plan", "gold"], '"coding" or "token"'],
    [["--dashscope-key", "env:KEY", "--dashscope-region", "moon", "--untested"], "not served in"],
  ])("and ends with 2 for %j, without a secret in the sentence", async (words, sentence) => {
    using stage = createSetupStage();
    const environment = { KEY: "sk-secret", SENTENCE: "ключ secret" };
    const { exitCode, shown } = await stage.run([...nowhere, ...words], { environment });

    expect([exitCode, stage.file]).toEqual([2, undefined]);
    expect(shown).toContain(sentence);
    expect(shown).not.toContain("secret");
  });

  test("and ends with 2 when nobody can be asked", async () => {
    using stage = createSetupStage();
    const { exitCode, complaints } = await stage.run([]);

    expect(exitCode).toBe(2);
    expect(complaints).toStartWith("Cannot ask");
  });
});

describe("setup over a file that is there", () => {
  function put(stage: SetupStage, text: string): void {
    mkdirSync(dirname(stage.path), { recursive: true });
    writeFileSync(stage.path, text);
  }

  test("keeps its comments and other keys, and says in words what changes", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    const before = "# mine\nport: 9000 # as usual\napi_key: sk-of-clients\n";
    put(stage, before);
    const { exitCode, printed } = await stage.run(["--yes", "--look-at", server.url]);

    expect(exitCode).toBe(0);
    expect(stage.file).toStartWith(before);
    expect(printed).toContain("config.yaml will change:\n  new: upstream vllm,");
    expect(printed).toContain("\n  stays: port, api_key\n");
    expect(printed).toContain('curl http://127.0.0.1:9000/v1/chat/completions -H "authorization: Bearer $API_KEY"');
    expect(printed).not.toContain("sk-of-clients");
    expect(readdirSync(dirname(stage.path))).toEqual(["config.yaml"]);
  });

  test("does nothing twice", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    await stage.run(["--yes", "--look-at", server.url]);
    const before = stage.file;
    const found = await stage.run(["--yes", "--look-at", server.url]);
    const named = await stage.run([...nowhere, "--upstream", `vllm=${server.url}`]);

    expect([found.exitCode, named.exitCode, stage.file]).toEqual([1, 0, before]);
    expect(found.complaints).toContain("the file has vllm already");
    expect(named.printed).toContain("has these settings already");
  });

  test("keeps a copy where something is replaced", async () => {
    using stage = createSetupStage();
    put(stage, "dashscope_api_key: sk-old # of last year\n");
    const { printed } = await stage.run([...nowhere, "--untested", "--dashscope-key", putKey(stage, "sk-new")]);
    const [copy = ""] = readdirSync(dirname(stage.path)).filter((name) => name !== "config.yaml");

    expect(stage.file).toBe("dashscope_api_key: sk-new\n");
    expect(printed).toContain(`As it was before: ${join(dirname(stage.path), copy)}`);
  });

  test("a key of another place joins the one that is there", async () => {
    using stage = createSetupStage();
    put(stage, "dashscope_api_key: sk-old\n");
    await stage.run([...nowhere, "--untested", "--dashscope-key", putKey(stage, "sk-sp-new")]);

    expect(Bun.YAML.parse(stage.file ?? "")).toMatchObject({
      dashscope_api_key: "sk-old",
      upstreams: [{ name: "dashscope-coding", dialect: "dashscope-plans", api_keys: ["sk-sp-new"] }],
    });
  });

  test("touches no file that serve could not read, and asks nobody before it knows", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    put(stage, "prot: 1\n");
    const { exitCode, complaints } = await stage.run(["--yes", "--look-at", server.url]);

    expect([exitCode, stage.file, server.requests]).toEqual([2, "prot: 1\n", []]);
    expect(complaints).toContain("did you mean port?");
  });

  test("--config names another file, and the command that reads it", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    const path = join(stage.home, "my gateway.yaml");
    const { printed } = await stage.run(["--yes", "--look-at", server.url, "--config", path]);

    expect(readdirSync(stage.home)).toEqual(["my gateway.yaml"]);
    expect(printed).toContain(`  qwen-gateway --config '${path}'\n`);
    // Upstreams are taken by a reload: nothing that runs has to be stopped for them.
    expect(printed).toContain("reads it again by SIGHUP, or by POST /admin/api/reload");
  });
});
