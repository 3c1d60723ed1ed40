// What can be opened beside or over the conversation, one at a time.

export type Panel = "conversations" | "tree" | "documents" | "options";
