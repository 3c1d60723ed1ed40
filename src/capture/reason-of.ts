// Why something failed, in words without secrets.

import { reasonOf } from "../contract/thrown.ts";
import type { Cover } from "./cover-secrets.ts";

export function tellReason(error: unknown, cover: Cover): { readonly reason?: string } {
  if (error === undefined) return {};
  return { reason: cover.text(reasonOf(error)).slice(0, 1000) };
}
