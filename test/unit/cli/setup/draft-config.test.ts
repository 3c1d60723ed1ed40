// The file as it will be, and the change in words.

import { describe, expect, test } from "bun:test";
import { draftConfig } from "../../../../src/cli/setup/draft-config.ts";
import type { UpstreamSettings } from "../../../../src/config/config-schema.ts";
import { loadConfig } from "../../../../src/config/load-config.ts";
import { listConfiguredUpstreams } from "../../../../src/upstreams/openai-compatible/servers/configured-upstreams.ts";

const ollama: UpstreamSettings = { name: "ollama", dialect: "ollama", base_url: "http://127.0.0.1:11434/v1" };
const dashscope: UpstreamSettings = { name: "dashscope", dialect: "dashscope", api_keys: ["sk-secret"], region: "cn" };

/** As `serve` reads it. */
function served(text: string) {
  const { config } = loadConfig({ environment: {}, flags: {}, file: { path: "config.yaml", text } });
  return listConfiguredUpstreams(config).map(({ name, baseUrl, keys }) => [name, baseUrl, ...keys]);
}

describe("draftConfig", () => {
  test("writes servers and services so that serve reads them", () => {
    const modelscope: UpstreamSettings = { name: "modelscope", dialect: "modelscope", api_keys: ["ms-a", "ms-b"] };
    const { text, changes, losesText, isUnchanged } = draftConfig(undefined, [ollama, dashscope, modelscope]);

    expect(served(text)).toEqual([
      ["dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", "sk-secret"],
      ["modelscope", "https://api-inference.modelscope.cn/v1", "ms-a", "ms-b"],
      ["ollama", "http://127.0.0.1:11434/v1"],
    ]);
    expect([losesText, isUnchanged]).toEqual([false, false]);
    expect(changes).toEqual([
      "new: dashscope_api_key, 1 key",
      "new: dashscope_region, cn",
      "new: modelscope_api_key, 2 keys",
      "new: upstream ollama, Ollama at http://127.0.0.1:11434/v1",
    ]);
  });

  test("keeps whatever else stands in the file", () => {
    const before =
      "# mine\nport: 9000\nupstreams:\n  - name: gpu # the big one\n    base_url: http://10.0.0.5:8000/v1\n";
    const { text, changes, losesText } = draftConfig(before, [ollama]);

    expect(text).toStartWith(before);
    expect(served(text).map(([name]) => name)).toEqual(["gpu", "ollama"]);
    expect(losesText).toBe(false);
    expect(changes.at(-1)).toBe("stays: port");
  });

  test("knows when nothing changes", () => {
    const { text } = draftConfig(undefined, [ollama, dashscope]);

    expect(draftConfig(text, [ollama, dashscope])).toMatchObject({ text, isUnchanged: true, losesText: false });
  });

  test("a new key takes the place of the old one, with its region and plan", () => {
    const before = "dashscope_api_key: sk-sp-old\ndashscope_plan: coding\ndashscope_region: cn\n";
    const { text, changes, losesText } = draftConfig(before, [{ ...dashscope, region: "intl" }]);

    expect(served(text)).toEqual([
      ["dashscope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "sk-secret"],
    ]);
    expect(losesText).toBe(true);
    expect(changes).toEqual([
      "changed: dashscope_api_key, 1 key",
      "changed: dashscope_region, intl",
      "gone: dashscope_plan",
    ]);
    expect(changes.join("\n")).not.toContain("sk-");
  });

  test("an upstream of the same name keeps what else it has, but not at another address", () => {
    const before =
      "upstreams:\n  - name: gpu\n    base_url: http://a/v1\n    api_keys: [old]\n    headers: { x-team: red }\n";
    const same = draftConfig(before, [{ name: "gpu", base_url: "http://a/v1", api_keys: ["new"] }]);
    const other = draftConfig(before, [{ name: "gpu", base_url: "http://b/v1" }]);

    expect(Bun.YAML.parse(same.text)).toEqual({
      upstreams: [{ name: "gpu", base_url: "http://a/v1", api_keys: ["new"], headers: { "x-team": "red" } }],
    });
    expect(Bun.YAML.parse(other.text)).toEqual({ upstreams: [{ name: "gpu", base_url: "http://b/v1" }] });
    expect(other.changes).toEqual([
      "changed: upstream gpu, a server at http://b/v1 (was a server at http://a/v1 with 1 key)",
    ]);
    expect([same.losesText, other.losesText]).toEqual([true, true]);
  });

  test("adds to a list that is written as JSON", () => {
    const before = `upstreams: '[{"name":"gpu","base_url":"http://a/v1"}]'\n`;

    expect(served(draftConfig(before, [ollama]).text).map(([name]) => name)).toEqual(["gpu", "ollama"]);
  });
});
