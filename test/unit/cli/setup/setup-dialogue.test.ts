// qwen-gateway setup with somebody who answers.

import { describe, expect, test } from "bun:test";
import { modelList, ready, wrongKey } from "../../../support/compatible-plays.ts";
import { serveCompatible } from "../../../support/fake-compatible-server.ts";
import { createSetupStage } from "./setup-stage.ts";

const vllm = () => serveCompatible([ready], modelList("vllm", "Qwen/Qwen3-8B"));
const nowhere = ["--look-at", "none"];
const nothingMore = "";

describe("setup with questions", () => {
  test("offers what it finds, tries what is wanted, and asks before it writes", async () => {
    await using wanted = vllm();
    await using other = serveCompatible([ready], modelList("library", "qwen3:8b", "qwen3:4b"));
    using stage = createSetupStage();
    const { exitCode, asked } = await stage.run(["--look-at", `${wanted.url},${other.url}`], {
      answers: ["", "n", nothingMore, "y"],
    });

    expect(exitCode).toBe(0);
    expect(asked).toContain(`Use vLLM at ${wanted.url} (model Qwen/Qwen3-8B)? [Y/n] `);
    expect(asked).toContain(`Use Ollama at ${other.url} (2 models, such as qwen3:8b)? [Y/n] `);
    expect(asked).toEndWith("Write it? [Y/n] ");
    expect([wanted.completions.length, other.completions.length]).toEqual([1, 0]);
    expect(Bun.YAML.parse(stage.file ?? "")).toMatchObject({ upstreams: [{ name: "vllm" }] });
  });

  test("asks for a server of one's own, until the answers can be used", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    const { exitCode, printed, shown } = await stage.run(nowhere, {
      answers: ["9", "1", "", server.url.replace(/\/v1$/, ""), "two words", "sk-secret", nothingMore, "maybe", "yes"],
    });

    expect(exitCode).toBe(0);
    expect(printed).toContain("Answer with a number from 1 to 4");
    expect(printed).toContain("This cannot be used: an address looks like");
    expect(printed).toContain(`Taken for vLLM at ${server.url} with 1 key: its models are owned by "vllm"`);
    expect(printed).toContain('Answer "y" or "n"');
    expect(shown).not.toContain("sk-secret");
    expect(Bun.YAML.parse(stage.file ?? "")).toEqual({
      upstreams: [{ name: "vllm", dialect: "vllm", base_url: server.url, api_keys: ["sk-secret"] }],
    });
  });

  test("asks for keys of services with their plan and region", async () => {
    using stage = createSetupStage();
    const { exitCode, asked, printed } = await stage.run([...nowhere, "--untested"], {
      answers: ["2", "sk-sp-a", "", "us", "CN", "2", "sk-b", "", "", "3", "ms-c", nothingMore, ""],
    });

    expect(exitCode).toBe(0);
    expect(asked).toContain("A number [2]: Its region: intl, cn [intl]: Its region: intl, cn [intl]: ");
    expect(asked).toContain("A number [1]: Its region: intl, cn, us, hk [intl]: ");
    expect(printed).toContain("Note: Keys of a coding or token plan are sold for interactive coding tools only");
    expect(Bun.YAML.parse(stage.file ?? "")).toEqual({
      dashscope_api_key: "sk-sp-a",
      dashscope_plan: "coding",
      dashscope_region: "cn",
      modelscope_api_key: "ms-c",
      upstreams: [{ name: "dashscope-intl", dialect: "dashscope", api_keys: ["sk-b"], region: "intl" }],
    });
  });

  test("asks for the key of a server that wants one, and before it copies one of the environment", async () => {
    await using locked = serveCompatible([ready], { "/v1/models": wrongKey });
    using stage = createSetupStage();
    const { asked } = await stage.run(["--look-at", locked.url, "--untested"], {
      answers: ["y", "sk-a", "n", nothingMore, "y"],
      environment: { MODELSCOPE_API_KEY: "ms-b" },
    });

    expect(asked).toContain("(it needs a key)? [Y/n] Its key (not shown): Use ModelScope at ");
    expect(asked).toContain("from MODELSCOPE_API_KEY? The key is copied into the file [Y/n] ");
    expect(Bun.YAML.parse(stage.file ?? "")).toEqual({
      upstreams: [{ name: "local", base_url: locked.url, api_keys: ["sk-a"] }],
    });
  });

  test("points to the command for accounts on chat.qwen.ai, which are not for the file", async () => {
    using stage = createSetupStage();
    const { exitCode, printed } = await stage.run(nowhere, { answers: ["4", nothingMore] });

    expect([exitCode, stage.file]).toEqual([0, undefined]);
    expect(printed).toContain("qwen-gateway accounts add");
  });

  test("asks what shall become of what does not work", async () => {
    await using broken = serveCompatible([{ status: 500, body: "{}" }, ready], modelList("vllm", "a"));
    using stage = createSetupStage();
    const again = await stage.run(["--look-at", broken.url], { answers: ["", nothingMore, "3", ""] });
    expect(again.exitCode).toBe(0);
    expect(again.asked).toContain("What shall become of vllm? A number [1]: ");
    expect(broken.completions).toHaveLength(2);

    await using locked = serveCompatible([ready], { "/v1/models": wrongKey });
    const words = [...nowhere, "--upstream", `locked=${locked.url}`];
    const left = await stage.run(words, { answers: [nothingMore, "1"] });
    const kept = await stage.run(words, { answers: [nothingMore, "2", ""] });
    expect([left.exitCode, kept.exitCode]).toEqual([1, 0]);
    expect(stage.file).toContain("name: locked");
  });

  test("writes nothing when the answer is no, or when the answers end", async () => {
    await using server = vllm();
    using stage = createSetupStage();
    const refused = await stage.run(["--look-at", server.url], { answers: ["", nothingMore, "n"] });
    const ended = await stage.run(["--look-at", server.url], { answers: [""] });

    expect([refused.exitCode, ended.exitCode, stage.file]).toEqual([1, 1, undefined]);
    expect(refused.complaints).toBe("Nothing was written");
    expect(ended.complaints).toBe("Nothing was written: the answers ended before the questions");
  });
});
