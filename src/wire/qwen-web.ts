// JSON of the Qwen web backend (API v2), as captured between 2025-10 and 2026-10. Every field may be missing.

export interface QwenFeatureConfig {
  readonly thinking_enabled: boolean;
  /** Without it `delta.phase` disappears from the stream. */
  readonly output_schema: "phase";
  readonly research_mode: "normal";
  readonly auto_thinking: boolean;
  readonly thinking_mode: "Fast" | "Thinking" | "Auto";
  readonly thinking_format?: "summary";
  readonly thinking_budget?: number;
  readonly auto_search: boolean;
  /** From here on: sent by clients with tools of their own (2026-06), to keep the backend's from answering. */
  readonly function_calling?: false;
  readonly enable_tools?: false;
  readonly enable_function_call?: false;
  readonly tool_choice?: "none";
  readonly code_interpreter?: false;
  readonly plugins_enabled?: false;
}

/** An attachment of a message. Captured 2026-03-04 of an image; documents have these kinds by a client of 2026-08. */
export interface QwenFile {
  readonly type: "image" | "video" | "audio" | "file";
  readonly file: {
    readonly created_at: number;
    readonly data: Readonly<Record<string, never>>;
    readonly filename: string;
    readonly hash: null;
    readonly id: string;
    readonly meta: { readonly name: string; readonly size: number; readonly content_type: string };
    readonly update_at: number;
  };
  readonly id: string;
  readonly url: string;
  readonly name: string;
  readonly collection_name: "";
  readonly progress: 0;
  readonly status: "uploaded";
  readonly greenNet: "success" | "greening";
  /** Bytes. */
  readonly size: number;
  readonly error: "";
  readonly itemId: string;
  readonly file_type: string;
  readonly showType: "image" | "video" | "audio" | "file";
  readonly file_class: "vision" | "video" | "audio" | "document";
  readonly uploadTaskId: string;
}

export type QwenChatType = "t2t" | "search" | "t2i";

/** Of pictures and films. */
export type QwenImageSize = "1:1" | "3:4" | "4:3" | "16:9" | "9:16";

/** A new message: exactly one travels with each completion. Captured 2026-09-25 (web 0.3.11). */
/** @template Content how its text is held before it is sent */
export interface QwenMessage<Content = string> {
  readonly id: null;
  /** Client's uuid of this message; the server stores it under another id. */
  readonly fid: string;
  readonly parentId: string | null;
  readonly parent_id: string | null;
  readonly childrenIds: readonly string[];
  readonly role: "user";
  readonly content: Content;
  readonly user_action: "chat";
  readonly files: readonly QwenFile[];
  /** Unix seconds. */
  readonly timestamp: number;
  readonly models: readonly string[];
  readonly model: "";
  readonly chat_type: QwenChatType;
  readonly sub_chat_type: QwenChatType;
  readonly feature_config: QwenFeatureConfig;
  readonly extra: { readonly meta: { readonly subChatType: QwenChatType } };
}

/** POST /api/v2/chat/completions?chat_id=… Captured 2026-09-25 (web 0.3.11). */
export interface QwenCompletionBody<Content = string> {
  readonly stream: true;
  readonly version: "2.1";
  readonly incremental_output: true;
  readonly chatId: string;
  readonly chat_id: string;
  readonly parentId: string;
  readonly parent_id: string | null;
  readonly chat_mode: "normal";
  readonly model: string;
  readonly messages: readonly [QwenMessage<Content>];
  readonly size?: QwenImageSize;
  /** Unix seconds. */
  readonly timestamp: number;
}

/** POST /api/v2/chats/new. Captured 2025-10 and 2026-08; the timestamp is in milliseconds. */
export interface QwenNewChatBody {
  readonly title: string;
  readonly models: readonly string[];
  readonly chat_mode: "normal";
  readonly chat_type: QwenChatType;
  readonly project_id: "";
  readonly timestamp: number;
}

export interface QwenUsage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly total_tokens?: number;
  readonly output_tokens_details?: { readonly reasoning_tokens?: number };
  readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  /** Top level in 2025-10 only. */
  readonly cached_tokens?: number;
}

export interface QwenDelta {
  readonly role?: string;
  readonly content?: string | null;
  readonly phase?: string | null;
  readonly status?: string;
  readonly function_call?: unknown;
  readonly extra?: {
    readonly summary_title?: { readonly content?: readonly string[] };
    readonly summary_thought?: { readonly content?: readonly string[] };
    readonly web_search_info?: readonly QwenSearchResult[];
    readonly tool_result?: { readonly docs?: readonly QwenSearchResult[] };
    /** Phase `image_gen_tool`, by clients of 2026-07: pictures that were made within a chat of the type t2t. */
    readonly image_list?: readonly { readonly image?: string }[];
  } | null;
}

export interface QwenSearchResult {
  readonly url?: string;
  readonly title?: string;
  readonly snippet?: string;
}

export interface QwenStreamEvent {
  readonly "response.created"?: {
    readonly chat_id?: string;
    readonly parent_id?: string;
    readonly response_id?: string;
  };
  readonly "response.info"?: unknown;
  readonly choices?: readonly { readonly delta?: QwenDelta }[];
  readonly response_id?: string;
  readonly usage?: QwenUsage | null;
  readonly error?: unknown;
  /** `false` where the envelope of a refusal comes as an event; no capture is known. */
  readonly success?: boolean;
  readonly data?: unknown;
  /** One test of 2026-09 shows this pair; no capture is known. */
  readonly "response.output_text.delta"?: { readonly delta?: string };
  readonly "response.completed"?: unknown;
}

/** An entry of GET /api/models, 2026-08. */
export interface QwenModel {
  readonly id?: string;
  readonly name?: string;
  readonly owned_by?: string;
  readonly info?: {
    readonly is_active?: boolean;
    readonly created_at?: number;
    readonly meta?: {
      readonly capabilities?: { readonly vision?: boolean; readonly thinking?: boolean };
      readonly max_context_length?: number;
      readonly max_generation_length?: number;
      readonly max_summary_generation_length?: number;
    };
  };
}
