// Suffixes and fields to the mode of the web backend.

import { describe, expect, test } from "bun:test";
import { chooseMode, featureConfigOf, splitSuffix } from "../../../../src/upstreams/qwen-web/model-mode.ts";

describe("splitSuffix", () => {
  const rows = [
    ["qwen3-max-thinking", "qwen3-max", { thinking: "thinking" }],
    ["qwen3-max-search", "qwen3-max", { search: true }],
    ["qwen3-max-thinking-search", "qwen3-max", { thinking: "thinking", search: true }],
    ["qwen3-max-no-thinking", "qwen3-max", { thinking: "fast" }],
    ["Qwen3-Max-Fast", "Qwen3-Max", { thinking: "fast" }],
  ] as const;
  test.each([...rows])("splits %s", (model, base, mode) => {
    expect(splitSuffix(model)).toEqual({ base, mode });
  });

  test("leaves other names alone", () => {
    expect([splitSuffix("qwen3-max"), splitSuffix("-thinking")]).toEqual([undefined, undefined]);
  });
});

describe("chooseMode", () => {
  test("does not think unless asked", () => {
    expect(chooseMode({}, {}, undefined)).toEqual({ thinking: "fast", search: false });
  });

  test("lets fields win over the suffix", () => {
    expect(chooseMode({ thinking: "thinking" }, { enabled: false }, undefined).thinking).toBe("fast");
    expect(chooseMode({}, { effort: "high" }, undefined).thinking).toBe("thinking");
    expect(chooseMode({}, { effort: "none" }, undefined).thinking).toBe("fast");
    expect(chooseMode({}, { budgetTokens: 1024 }, undefined).thinking).toBe("thinking");
    expect(chooseMode({ search: true }, {}, false).search).toBe(false);
  });
});

describe("featureConfigOf", () => {
  test("always asks for phases and takes native search only when asked", () => {
    expect(featureConfigOf({ thinking: "fast", search: false }, 99)).toEqual({
      thinking_enabled: false,
      output_schema: "phase",
      research_mode: "normal",
      auto_thinking: false,
      thinking_mode: "Fast",
      auto_search: false,
    });
  });

  test("sends format and budget with thinking", () => {
    expect(featureConfigOf({ thinking: "thinking", search: true }, 2048)).toMatchObject({
      thinking_enabled: true,
      thinking_mode: "Thinking",
      thinking_format: "summary",
      thinking_budget: 2048,
      auto_search: true,
    });
  });
});
