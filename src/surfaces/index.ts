// The registration list: every client protocol that the server mounts.

import type { Surface } from "../contract/surface.ts";
import { anthropicMessages } from "./anthropic-messages/surface.ts";
import { openaiChat } from "./openai-chat/surface.ts";
import { openaiCompletions } from "./openai-completions/surface.ts";
import { openaiResponses } from "./openai-responses/surface.ts";

export const surfaces: readonly Surface[] = [openaiChat, openaiCompletions, openaiResponses, anthropicMessages];
