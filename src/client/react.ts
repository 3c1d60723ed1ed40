// The package's entry "qwen-gateway/react": hooks over the client library, for React 18 and 19.

// Frameworks that render on the server too are told that hooks run in the browser.
"use client";

export type { ChatMessage, ChatMessageStatus } from "./chat-message.ts";
export type { ChatOptions } from "./chat-options.ts";
export type { ChatStorage } from "./stored-chat.ts";
export { type Chat, useChat } from "./use-chat.ts";
export { type SSEStream, useSSEStream } from "./use-sse-stream.ts";
export type { ChatState } from "./write-answer.ts";
