// Every recording of every upstream, as its server sent it: the body, its status and its type. And the request that it
// answers.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Lane } from "../surface/wire-replies.ts";

export interface GoldenFixture {
  /** Folder and file. */
  readonly name: string;
  readonly lane: Lane;
  /** Of the compatible lane. */
  readonly dialect: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Whether its reply calls tools, or writes calls into its text. */
  readonly usesTools: boolean;
}

/** All that recordings call. */
export const goldenTools = ["get_weather", "list_dir", "rag_search", "read", "write_file"] as const;

const root = join(import.meta.dir, "../../fixtures");

const dialects: Readonly<Record<string, string>> = {
  dashscope: "dashscope",
  llamacpp: "llama-cpp",
  lmstudio: "lm-studio",
  ollama: "ollama",
  sglang: "sglang",
  vllm: "vllm",
};

/** Answers to other questions than for a completion. */
const isOther = (file: string): boolean => file.startsWith("ok-") || file === "README.md";

function readFolder(folder: "qwen-web" | "openai-compatible"): GoldenFixture[] {
  return readdirSync(join(root, folder))
    .filter((file) => !isOther(file))
    .sort()
    .map((file) => {
      const body = readFileSync(join(root, folder, file));
      const { status, contentType } = headOf(file);
      return {
        name: `${folder}/${file}`,
        lane: folder === "qwen-web" ? "web" : "compatible",
        dialect: dialects[file.split("-")[0] ?? ""] ?? "generic",
        status,
        contentType,
        body,
        usesTools: /tool_call|<tool|<function/.test(body.toString("utf8")),
      };
    });
}

function headOf(file: string): Pick<GoldenFixture, "status" | "contentType"> {
  const contentType = file.endsWith(".sse")
    ? "text/event-stream"
    : file.endsWith(".json")
      ? "application/json"
      : file.endsWith(".html")
        ? "text/html"
        : "text/plain";
  // The web backend says 200 to nearly everything.
  const told = /-(?:err-|http|gateway-)(\d{3})/.exec(file)?.[1];
  return { status: told === undefined ? 200 : Number(told), contentType };
}

export const goldenFixtures: readonly GoldenFixture[] = [...readFolder("openai-compatible"), ...readFolder("qwen-web")];
