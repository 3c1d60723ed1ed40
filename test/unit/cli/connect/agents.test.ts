// Each agent over a settings file as people have it: connected, it holds what the agent needs beside all that was there;
// disconnected, it is the same file again.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { agents } from "../../../../src/cli/connect/list-agents.ts";
import { createHomeStage } from "./stage.ts";

interface Case {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

const cases: Readonly<Record<string, Case>> = {
  "claude-code": {
    file: ".claude/settings.json",
    before: `{
    "permissions": { "allow": ["Read"] },
    "env": {
        "FOO": "1"
    }
}`,
    after: `{
    "permissions": { "allow": ["Read"] },
    "env": {
        "FOO": "1",
        "ANTHROPIC_BASE_URL": "http://10.0.0.1:9000",
        "ANTHROPIC_AUTH_TOKEN": "sk-test",
        "ANTHROPIC_MODEL": "qwen3-max",
        "ANTHROPIC_DEFAULT_OPUS_MODEL": "qwen3-max",
        "ANTHROPIC_DEFAULT_SONNET_MODEL": "qwen3-max",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "qwen3-small",
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "200000"
    }
}`,
  },
  codex: {
    file: ".codex/config.toml",
    before: `# mine
model = "gpt-5.4" # the best
model_context_window = 1_050_000
approval_policy = "never"

# about files
[mcp_servers.files]
command = "npx"
args = [
  "-y",
]`,
    after: `# mine
model = "qwen3-max" # the best
model_context_window = 200000
approval_policy = "never"
model_provider = "qwen-gateway"

# about files
[mcp_servers.files]
command = "npx"
args = [
  "-y",
]

[model_providers.qwen-gateway]
name = "qwen-gateway"
base_url = "http://10.0.0.1:9000/v1"
wire_api = "responses"
experimental_bearer_token = "sk-test"
`,
  },
  "qwen-code": {
    file: ".qwen/settings.json",
    before: '{\r\n\t"ui": {"theme": "Dracula"},\r\n\t"security": {"auth": {"selectedType": "qwen-oauth"}}\r\n}\r\n',
    after: `{\r
\t"ui": {"theme": "Dracula"},\r
\t"security": {\r
\t\t"auth": {\r
\t\t\t"selectedType": "openai",\r
\t\t\t"apiKey": "sk-test",\r
\t\t\t"baseUrl": "http://10.0.0.1:9000/v1"\r
\t\t}\r
\t},\r
\t"model": {\r
\t\t"name": "qwen3-max"\r
\t},\r
\t"fastModel": "qwen3-fast"\r
}\r
`,
  },
  opencode: {
    file: ".config/opencode/opencode.jsonc",
    before: `{
  "model": "other/model", // until now
  "provider": {},
}
`,
    after: `{
  "model": "qwen-gateway/qwen3-max", // until now
  "provider": {
    "qwen-gateway": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "qwen-gateway",
      "options": {
        "baseURL": "http://10.0.0.1:9000/v1",
        "apiKey": "sk-test"
      },
      "models": {
        "qwen3-max": {
          "name": "qwen3-max",
          "attachment": true,
          "reasoning": true,
          "tool_call": true,
          "modalities": {
            "input": [
              "text",
              "image"
            ],
            "output": [
              "text"
            ]
          },
          "limit": {
            "context": 200000,
            "output": 32768
          }
        },
        "qwen3-small": {
          "name": "qwen3-small",
          "attachment": true,
          "reasoning": true,
          "tool_call": true,
          "modalities": {
            "input": [
              "text",
              "image"
            ],
            "output": [
              "text"
            ]
          },
          "limit": {
            "context": 200000,
            "output": 32768
          }
        }
      }
    }
  },
  "$schema": "https://opencode.ai/config.json",
  "small_model": "qwen-gateway/qwen3-small",
}
`,
  },
  cline: {
    file: ".cline/data/settings/providers.json",
    before: `{
  "version": 1,
  "lastUsedProvider": "anthropic",
  "modes": {},
  "providers": {
    "anthropic": {
      "settings": { "provider": "anthropic" }
    }
  }
}`,
    after: `{
  "version": 1,
  "lastUsedProvider": "openai-compatible",
  "modes": {},
  "providers": {
    "anthropic": {
      "settings": { "provider": "anthropic" }
    },
    "openai-compatible": {
      "settings": {
        "provider": "openai-compatible",
        "apiKey": "sk-test",
        "model": "qwen3-max",
        "baseUrl": "http://10.0.0.1:9000/v1"
      },
      "updatedAt": "2026-01-01T00:00:00.000Z",
      "tokenSource": "manual"
    }
  }
}`,
  },
  continue: {
    file: ".continue/config.yaml",
    before: `name: Ann's assistant
version: 0.0.1
schema: v1
models:
    # the local one
    - name: local
      provider: ollama # slow
      model: llama3

context:
  - provider: code
`,
    after: `name: Ann's assistant
version: 0.0.1
schema: v1
models:
    # the local one
    - name: local
      provider: ollama # slow
      model: llama3
    - name: Qwen by qwen-gateway
      provider: openai
      model: qwen3-max
      apiBase: http://10.0.0.1:9000/v1
      apiKey: sk-test
      roles:
        - chat
        - edit
      capabilities:
        - tool_use
        - image_input
      defaultCompletionOptions:
        contextLength: 200000
    - name: Qwen by qwen-gateway, small
      provider: openai
      model: qwen3-small
      apiBase: http://10.0.0.1:9000/v1
      apiKey: sk-test
      roles:
        - summarize
      capabilities:
        - tool_use
        - image_input
      defaultCompletionOptions:
        contextLength: 200000
    - name: Qwen by qwen-gateway, fast
      provider: openai
      model: qwen3-fast
      apiBase: http://10.0.0.1:9000/v1
      apiKey: sk-test
      roles:
        - apply
      capabilities:
        - tool_use
        - image_input
      defaultCompletionOptions:
        contextLength: 200000

context:
  - provider: code
`,
  },
  aider: {
    file: ".aider.conf.yml",
    before: `# how I like it
dark-mode: true
model: sonnet   # for now
read: [CONVENTIONS.md]`,
    after: `# how I like it
dark-mode: true
model: "openai/qwen3-max"   # for now
read: [CONVENTIONS.md]
weak-model: openai/qwen3-small
editor-model: openai/qwen3-fast
openai-api-base: http://10.0.0.1:9000/v1
openai-api-key: sk-test
`,
  },
  zed: {
    file: ".config/zed/settings.json",
    before: `// Zed settings
{
  "theme": "One Dark",
  "agent": {
    "dock": "left", // here
  },
}
`,
    after: `// Zed settings
{
  "theme": "One Dark",
  "agent": {
    "dock": "left", // here
    "default_model": {
      "provider": "qwen-gateway",
      "model": "qwen3-max"
    },
    "commit_message_model": {
      "provider": "qwen-gateway",
      "model": "qwen3-small"
    },
    "thread_summary_model": {
      "provider": "qwen-gateway",
      "model": "qwen3-small"
    },
    "inline_assistant_model": {
      "provider": "qwen-gateway",
      "model": "qwen3-fast"
    },
  },
  "language_models": {
    "openai_compatible": {
      "qwen-gateway": {
        "api_url": "http://10.0.0.1:9000/v1",
        "available_models": [
          {
            "name": "qwen3-max",
            "display_name": "qwen3-max",
            "max_tokens": 200000,
            "max_output_tokens": 32768,
            "capabilities": {
              "tools": true,
              "images": true,
              "parallel_tool_calls": true,
              "prompt_cache_key": false
            }
          },
          {
            "name": "qwen3-small",
            "display_name": "qwen3-small",
            "max_tokens": 200000,
            "max_output_tokens": 32768,
            "capabilities": {
              "tools": true,
              "images": true,
              "parallel_tool_calls": true,
              "prompt_cache_key": false
            }
          },
          {
            "name": "qwen3-fast",
            "display_name": "qwen3-fast",
            "max_tokens": 200000,
            "max_output_tokens": 32768,
            "capabilities": {
              "tools": true,
              "images": true,
              "parallel_tool_calls": true,
              "prompt_cache_key": false
            }
          }
        ]
      }
    }
  },
}
`,
  },
};

const words = [
  ...["--url", "http://10.0.0.1:9000/v1/", "--key", "env:KEY", "--context-tokens", "200000"],
  ...["--small-model", "qwen3-small", "--fast-model", "qwen3-fast"],
];
const environment = { KEY: "sk-test" };

test("every agent has a case", () => {
  expect(Object.keys(cases).toSorted()).toEqual(agents.map(({ name }) => name).toSorted());
});

describe.each(Object.entries(cases))("%s", (name, { file, before, after }) => {
  test("connect adds its entries to what is there, and disconnect puts it back byte for byte", async () => {
    using stage = createHomeStage();
    const path = stage.write(file, before);

    const connected = await stage.run(["connect", name, ...words], environment);

    expect(connected.complaints).toBe("");
    expect(connected.printed).not.toContain("sk-test");
    expect(readFileSync(path, "utf8")).toBe(after);
    expect((await stage.run(["disconnect", name])).printed).toContain("is as it was");
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("connect makes the file where there is none, for its owner alone, and disconnect removes it", async () => {
    using stage = createHomeStage();
    const path = join(stage.home, file.replace(/c$/, ""));

    await stage.run(["connect", name, ...words], environment);

    expect(statSync(path).mode & 0o777).toBe(0o600);
    const written = readFileSync(path, "utf8");
    expect((await stage.run(["connect", name, ...words], environment)).printed).toContain("already");
    expect(readFileSync(path, "utf8")).toBe(written);
    await stage.run(["disconnect", name]);
    expect(existsSync(path)).toBe(false);
    expect(existsSync(join(stage.home, file.split("/")[0]!))).toBe(false);
  });
});
