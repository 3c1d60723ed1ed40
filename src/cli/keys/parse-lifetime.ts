// --expires-in: how long a token lives.

import { lifetimeOf, lifetimeRule } from "../../server/auth/lifetime.ts";
import { UsageError } from "../command.ts";

/** @returns milliseconds. @throws {UsageError} */
export function parseLifetime(text: string): number {
  const lifetimeMs = lifetimeOf(text);
  if (lifetimeMs !== undefined) return lifetimeMs;
  throw new UsageError(`Cannot use --expires-in: it must be ${lifetimeRule}`);
}
