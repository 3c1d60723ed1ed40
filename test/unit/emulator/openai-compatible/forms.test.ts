// Each dialect writes what its recordings hold: the same events in the same order, the same keys in the same order.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ScriptedReply } from "../../../../src/emulator/openai-compatible-emulator.ts";
import { chat, emulate, names, streamOf } from "./client.ts";

const folder = join(import.meta.dir, "../../../fixtures/openai-compatible");

function recording(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

const usage = (promptTokens: number, completionTokens: number, reasoningTokens = 0) => ({
  promptTokens,
  completionTokens,
  reasoningTokens,
});

interface Case {
  readonly file: string;
  readonly dialect: (typeof names)[number];
  readonly model: string;
  readonly reply: ScriptedReply;
  readonly body?: object;
  readonly isUsageAsked?: boolean;
  /** A reconstruction: the order of its keys is nobody's. */
  readonly isOrderFree?: boolean;
}

const cases: readonly Case[] = [
  {
    file: "dashscope-01-thinking-qwen3.6-plus.sse",
    dialect: "dashscope",
    model: "qwen3.6-plus",
    reply: {
      reasoning: ["The", " user asks", " for a sum", ".\n2 + 2 is 4."],
      chunks: ["2 + 2", " equals 4."],
      usage: usage(1033, 214, 160),
    },
  },
  {
    file: "dashscope-02-thinking-qwen-plus-2025-form.sse",
    dialect: "dashscope",
    model: "qwen-plus",
    reply: {
      variant: "2025",
      reasoning: ["Okay, the user", " greets me", "."],
      chunks: ["Hello", "!"],
      usage: usage(10, 360),
    },
    body: { enable_thinking: true },
  },
  {
    file: "dashscope-03-plain-qwen-plus.sse",
    dialect: "dashscope",
    model: "qwen-plus",
    reply: { variant: "2025", chunks: ["I am", " Qwen", "."], usage: usage(22, 17) },
  },
  {
    file: "dashscope-04-toolcalls-parallel-empty-id.sse",
    dialect: "dashscope",
    model: "qwen3.6-plus",
    body: { enable_thinking: false },
    reply: {
      calls: [
        {
          id: "call_aaaaaaaaaaaaaaaaaaaaaa",
          name: "get_weather",
          pieces: ['{"location":', ' "Hangzhou", "', 'unit": "celsius"}'],
        },
        {
          id: "call_bbbbbbbbbbbbbbbbbbbbbb",
          name: "get_weather",
          pieces: ['{"location', '": "Shanghai", "unit', '": "celsius"}'],
        },
      ],
      usage: usage(260, 48),
    },
  },
  {
    file: "dashscope-05-toolcalls-empty-name-variant.sse",
    dialect: "dashscope",
    model: "qwen3.7-plus",
    isUsageAsked: false,
    reply: {
      variant: "empty-names",
      calls: [
        {
          id: "call_8589a72cf9984736a78dc07b",
          name: "rag_search",
          pieces: ['{"arg0": 1', "", ', "arg1": "x"}'],
        },
      ],
    },
  },
  {
    file: "dashscope-06-inband-error_finish.sse",
    dialect: "dashscope",
    model: "qwen3-coder-plus",
    isUsageAsked: false,
    isOrderFree: true,
    reply: {
      variant: "2025",
      chunks: ["Partial answer", " that goes on"],
      faults: [{ kind: "error-finish", after: 2, text: "Throttling: TPM(10680324/10000000)" }],
    },
  },
  {
    file: "dashscope-07-inband-data_inspection_failed.sse",
    dialect: "dashscope",
    model: "qwen3.7-plus",
    body: { enable_thinking: false },
    reply: {
      chunks: ["Partial", " and more"],
      faults: [
        {
          kind: "error",
          refuse: { name: "content-filter", message: "Output data may contain inappropriate content." },
        },
      ],
    },
  },
  {
    file: "dashscope-08-think-tag-leak-in-content.sse",
    dialect: "dashscope",
    model: "qwen3.6-plus",
    isUsageAsked: false,
    reply: { reasoning: ["I should be brief."], chunks: ["\n\nHi."], quirks: ["stray-think-close"] },
  },
  {
    file: "vllm-01-reasoning-field-v0.16plus.sse",
    dialect: "vllm",
    model: "Qwen/Qwen3.6-27B",
    reply: { reasoning: ["The user", " says hi."], chunks: ["Hello", "!"], usage: usage(14, 26) },
  },
  {
    file: "vllm-02-transition-both-fields-v0.12.sse",
    dialect: "vllm",
    model: "Qwen/Qwen3.6-27B",
    isUsageAsked: false,
    reply: { variant: "0.12", reasoning: ["Okay", ", think"], chunks: ["Hi"] },
  },
  {
    file: "vllm-03-toolcalls-qwen3_xml.sse",
    dialect: "vllm",
    model: "Qwen/Qwen3.6-27B",
    isUsageAsked: false,
    reply: {
      reasoning: ["I will write the file."],
      calls: [
        {
          id: "chatcmpl-tool-a331788bab1045a8",
          name: "write_file",
          pieces: ['{"content": "print', '(\\"Hello, World!\\")"', ', "path": "./h.py"', "}"],
        },
      ],
    },
  },
  {
    file: "vllm-05-bug-answer-only-in-reasoning.sse",
    dialect: "vllm",
    model: "Qwen/Qwen3.6-27B",
    isUsageAsked: false,
    reply: { chunks: ["Paris is the", " capital of France."], quirks: ["answer-in-reasoning"] },
  },
  {
    file: "vllm-06-keepalive-then-midstream-error.sse",
    dialect: "vllm",
    model: "Qwen/Qwen3.6-27B",
    reply: {
      chunks: ["partial", " answer"],
      faults: [
        { kind: "keep-alive", after: 0, times: 2 },
        { kind: "error", after: 2 },
      ],
    },
  },
  {
    file: "sglang-01-reasoning-and-toolcall.sse",
    dialect: "sglang",
    model: "Qwen/Qwen3.6-27B",
    reply: {
      reasoning: ["Need", " the weather."],
      calls: [{ id: "call_8d4f0377bc594026a4765cfc", name: "get_weather", pieces: ['{"city": ', '"Paris"}'] }],
      usage: usage(180, 34, 12),
    },
  },
  {
    file: "sglang-02-http200-error-only.sse",
    dialect: "sglang",
    model: "Qwen/Qwen3.6-27B",
    reply: { faults: [{ kind: "error", after: 0, refuse: "context-too-long" }] },
  },
  {
    file: "ollama-01-reasoning-and-toolcall.sse",
    dialect: "ollama",
    model: "qwen3.6:27b",
    reply: {
      reasoning: ["Need", " the weather."],
      calls: [{ id: "call_x1y2z3ab", name: "get_weather", arguments: { city: "Paris" } }],
      usage: usage(180, 52),
    },
  },
  {
    file: "llamacpp-01-ping-reasoning-toolcall.sse",
    dialect: "llama-cpp",
    model: "Qwen3.6-27B-Q4_0.gguf",
    reply: {
      reasoning: ["Need", " the file."],
      calls: [{ id: "Fq1cWcXnEwRk0xYtGm3nQv9sLh2Jd8Pa", name: "read", pieces: ['{"path":"USER', ".md", '"', "}"] }],
      usage: usage(17, 41),
      faults: [{ kind: "keep-alive", after: 0, times: 3 }],
    },
  },
  {
    file: "llamacpp-02-midstream-parse-error-no-done.sse",
    dialect: "llama-cpp",
    model: "Qwen3.6-27B-Q4_0.gguf",
    reply: {
      calls: [{ id: "Fq1cWcXnEwRk0xYtGm3nQv9sLh2Jd8Pa", name: "read", pieces: ['{"path":"USER.md"}'] }],
      faults: [
        {
          kind: "error",
          after: 3,
          refuse: {
            name: "parse-failed",
            message:
              "Failed to parse input at pos 668: \n<tool_call>\n<function=read>\n<parameter=path>\nUSER.md\n</parameter>\n</function>\n</tool_call>",
          },
        },
      ],
    },
  },
  {
    file: "lmstudio-01-reasoning_content.sse",
    dialect: "lm-studio",
    model: "qwen/qwen3.5-35b-a3b",
    isUsageAsked: false,
    reply: { reasoning: ["Let", " me see."], chunks: ["Hello", "!"] },
  },
  {
    file: "lmstudio-02-toolcall-empty-id.sse",
    dialect: "lm-studio",
    model: "qwen/qwen3.5-35b-a3b",
    isUsageAsked: false,
    reply: {
      chunks: ["Checking."],
      calls: [{ name: "list_dir", pieces: ['{"path":"."}'] }],
      quirks: ["empty-call-ids"],
    },
  },
];

/** Without what differs from reply to reply: its id, its time, the build, the figures of timing. */
function levelled(raw: string): string[] {
  return raw
    .split("\n\n")
    .map((event) =>
      event
        .replace(/"id":"(?:chatcmpl-[^"]*|[0-9a-f]{32})"(?!,"type")/g, '"id":"x"')
        .replace(/"created":\d+/g, '"created":0')
        .replace(/"timings":\{[^}]*\}/g, (text) => text.replace(/:[\d.]+/g, ":0")),
    )
    .filter((event) => event.trim() !== "");
}

function parsed(event: string): unknown {
  return event.startsWith("data: {") ? JSON.parse(event.slice("data: ".length)) : event;
}

describe("each dialect writes as its recording", () => {
  test.each(cases.map((entry) => [entry.file, entry] as const))("%s", async (file, entry) => {
    const { dialect, model, reply, isUsageAsked = true } = entry;
    const asked = isUsageAsked ? {} : { stream_options: undefined };

    const { raw } = await streamOf(dialect, reply, { model, ...asked, ...entry.body });

    const form = entry.isOrderFree === true ? (text: string) => levelled(text).map(parsed) : levelled;
    expect(form(raw)).toEqual(form(recording(file)));
  });

  test("vllm-04: a call left as XML says what the recording says, however it is cut", async () => {
    const reply: ScriptedReply = {
      reasoning: ["I will write the file."],
      calls: [{ name: "write_file", arguments: { path: "./h.py" } }],
      quirks: ["calls-as-xml-text"],
    };
    const text = (raw: string) =>
      [...raw.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)].map((match) => JSON.parse(match[1]!));

    const { raw, finishReason } = await streamOf("vllm", reply);

    expect(text(raw).join("")).toBe(text(recording("vllm-04-bug-raw-xml-in-content.sse")).join(""));
    expect(finishReason).toBe("stop");
  });

  test("a recording itself is sent byte by byte", async () => {
    const raw = recording("dashscope-04-toolcalls-parallel-empty-id.sse");

    expect((await streamOf("dashscope", { raw })).raw).toBe(raw);
  });
});

describe("whole answers", () => {
  test.each(names)("of %s carry text, thoughts, calls and usage in the dialect's fields", async (dialect) => {
    const emulator = emulate(dialect);
    emulator.script({
      reply: {
        text: "Here.",
        reasoning: "Let me see.",
        calls: [{ name: "look", arguments: { at: "it" }, id: "call_1" }],
        usage: usage(10, 5, 2),
      },
    });
    const field = dialect === "vllm" || dialect === "ollama" ? "reasoning" : "reasoning_content";

    const answer: unknown = await (await chat(emulator, {})).json();

    expect(answer).toMatchObject({
      object: "chat.completion",
      choices: [
        {
          index: 0,
          finish_reason: "tool_calls",
          message: {
            role: "assistant",
            content: expect.stringContaining("Here."),
            [field]: "Let me see.",
            tool_calls: [{ id: "call_1", type: "function", function: { name: "look" } }],
          },
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    });
    expect(emulator.requests.at(-1)).toMatchObject({ status: 200, finished: true });
  });
});

describe("variants", () => {
  test("vLLM before 0.12 says reasoning_content", async () => {
    const { raw } = await streamOf("vllm", { variant: "0.11", reasoning: ["Hm."], chunks: ["Hi"] });

    expect(raw).toContain('"delta":{"reasoning_content":"Hm."}');
    expect(raw).not.toContain('"reasoning":');
  });

  test("llama.cpp leaves tags in content, or does both", async () => {
    const reply: ScriptedReply = { reasoning: ["Hm."], chunks: ["Hi"] };
    const tags = await streamOf("llama-cpp", { ...reply, variant: "none" });
    const both = await streamOf("llama-cpp", { ...reply, variant: "deepseek-legacy" });

    expect([tags.content, tags.reasoning]).toEqual(["<think>\nHm.\n</think>\n\nHi", ""]);
    expect([both.content, both.reasoning]).toEqual(["<think>\nHm.\n</think>\n\nHi", "Hm."]);
  });

  test("llama.cpp puts its timings on the last chunk, whichever that is", async () => {
    const { chunks } = await streamOf("llama-cpp", { chunks: ["Hi"] }, { stream_options: undefined });

    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: "stop" }], timings: { cache_n: 0 } });
    expect(chunks.at(-2)).not.toHaveProperty("timings");
  });

  test("LM Studio leaves tags when its user wants it", async () => {
    const { content, reasoning } = await streamOf("lm-studio", { variant: "tags", reasoning: ["Hm."], chunks: ["Hi"] });

    expect([content, reasoning]).toEqual(["<think>\nHm.\n</think>\n\nHi", ""]);
  });

  test("one that a dialect does not have is refused at the start", () => {
    expect(() => emulate("vllm", { variant: "9.9" })).toThrow('Cannot play variant "9.9" of "vllm"');
  });
});
