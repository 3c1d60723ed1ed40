// The package's entry "qwen-gateway/client": reading the gateway's streams in browsers, workers, Node, Deno and Bun.

export { combineSignals } from "./combine-signals.ts";
export { SSEError, type SSEErrorCode } from "./errors.ts";
export { parseSSEEvent } from "./event-reader.ts";
export type {
  AgentCommandResult,
  AgentProgress,
  AgentResult,
  ParsedSSEEvent,
  ReconnectAttempt,
  SSECallbacks,
  SSEEvent,
  Source,
  StreamMetadata,
} from "./events.ts";
export type { Fetch, RequestOptions, SSEOptions } from "./options.ts";
export { stopStream } from "./stop-stream.ts";
export {
  connectSSE,
  type ReconnectOptions,
  type ResumeOptions,
  resumeSSE,
  streamSSE,
  streamWithReconnect,
} from "./stream-sse.ts";
export type { Timers } from "./timers.ts";
export { TokenBuffer } from "./token-buffer.ts";
