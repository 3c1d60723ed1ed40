import { expect, test } from "bun:test";
import { describeConfig } from "../../../src/config/describe-config.ts";
import { loadConfig } from "../../../src/config/load-config.ts";

test("describeConfig shows settings as they are and of secrets only that they are there", () => {
  const { config } = loadConfig({
    environment: {
      HOME: "/home/a",
      API_KEY: "key-of-ann",
      QWEN_TOKEN: "token-of-ann",
      QWEN_COOKIES: "cookie=of-ann",
      QWEN_HEADERS: '{"bx-ua":"captured-of-ann"}',
      ALLOWED_HOSTS: "a.test,b.test",
    },
    flags: {},
  });

  const described = describeConfig(config);

  expect(described).toMatchObject({
    PORT: 8787,
    ALLOWED_HOSTS: ["a.test", "b.test"],
    MAX_STREAMS: null,
    API_KEY: "set",
    QWEN_TOKEN: "set",
    QWEN_COOKIES: "set",
    QWEN_HEADERS: "set",
    MASTER_KEY: "not set",
  });
  expect(JSON.stringify(described)).not.toContain("of-ann");
});
