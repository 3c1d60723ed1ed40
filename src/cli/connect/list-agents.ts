// Every agent that can be connected, in the order of the list that the user sees.

import type { Agent } from "./agent.ts";
import { aider } from "./agents/aider.ts";
import { claudeCode } from "./agents/claude-code.ts";
import { cline } from "./agents/cline.ts";
import { codex } from "./agents/codex.ts";
import { continueAgent } from "./agents/continue.ts";
import { opencode } from "./agents/opencode.ts";
import { qwenCode } from "./agents/qwen-code.ts";
import { zed } from "./agents/zed.ts";

export const agents: readonly Agent[] = [claudeCode, codex, qwenCode, opencode, cline, continueAgent, aider, zed];
