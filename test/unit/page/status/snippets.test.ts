import { describe, expect, test } from "bun:test";
import { baseOf, snippetsFor } from "../../../../src/page/status/snippets.ts";

describe("baseOf", () => {
  test.each([
    ["http://127.0.0.1:8787/", "http://127.0.0.1:8787"],
    ["http://127.0.0.1:8787/?a=1#b", "http://127.0.0.1:8787"],
    ["https://qwen.example.com/gateway/", "https://qwen.example.com/gateway"],
    ["https://qwen.example.com/gateway/index.html", "https://qwen.example.com/gateway"],
    ["http://[::1]:8787/", "http://[::1]:8787"],
  ])("baseOf(%s) is where the gateway stands", (address, base) => {
    expect(baseOf(address)).toBe(base);
  });

  test("baseOf leaves nothing that ends a quoted word of a shell or of Python", () => {
    expect(baseOf(`http://a.example/x'; echo "$(id)"/`)).not.toMatch(/['" ]/);
  });
});

describe("snippetsFor", () => {
  const base = "http://127.0.0.1:8787";

  test("snippetsFor gives three lines each, with the address and the model", () => {
    for (const { name, baseUrl, code } of snippetsFor({ base, wantsKey: false, model: "qwen3-coder-plus" })) {
      expect([name, code.split("\n").length]).toEqual([name, 3]);
      expect(code).toContain(base);
      expect(code).toContain("qwen3-coder-plus");
      expect([base, `${base}/v1`]).toContain(baseUrl);
      expect(code).not.toContain("KEY");
    }
  });

  test("snippetsFor has a place for the key where one is wanted", () => {
    for (const { name, code } of snippetsFor({ base, wantsKey: true, model: "m" })) {
      expect([name, code.includes("YOUR_KEY")]).toEqual([name, true]);
    }
  });

  test("snippetsFor gives OpenAI's clients the address with /v1, and Anthropic's the one without", () => {
    const bases = snippetsFor({ base, wantsKey: false, model: "m" }).map(({ name, baseUrl }) => [name, baseUrl]);

    expect(bases).toEqual([
      ["OpenAI SDK", `${base}/v1`],
      ["Anthropic SDK", base],
      ["Claude Code", base],
      ["curl", `${base}/v1`],
    ]);
  });
});
