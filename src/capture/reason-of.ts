// Why something failed, in words without secrets.

import type { Cover } from "./cover-secrets.ts";

export function reasonOf(error: unknown, cover: Cover): { readonly reason?: string } {
  if (error === undefined) return {};
  return { reason: cover.text(error instanceof Error ? error.message : String(error)).slice(0, 1000) };
}
