// Which addresses may be listened on without a key, and what that means.

import { ConfigError } from "../../config/config-error.ts";
import { isLoopback } from "../../outbound/loopback-host.ts";
import type { VerifyJwt } from "../auth/jwt.ts";
import type { KeyRing } from "../auth/key-ring.ts";

export interface KeyOptions {
  readonly apiKeys: readonly string[];
  /** Given: tokens of users are wanted, so that it is as if there were keys. */
  readonly verifyJwt?: VerifyJwt | undefined;
  /** The stored keys, which may come up while the gateway runs. */
  readonly keyRing?: KeyRing | undefined;
}

export interface BindOptions extends KeyOptions {
  readonly hostname: string;
  readonly insecure: boolean;
}

/** Whoever can send a request is served. */
export function isKeyless({ apiKeys, verifyJwt, keyRing }: KeyOptions): boolean {
  return apiKeys.length === 0 && verifyJwt === undefined && keyRing?.isWanted !== true;
}

/** @throws {ConfigError} when whoever reaches the address could use the upstream accounts, and nobody said they may. */
export function checkBind(options: BindOptions): void {
  if (isLoopback(options.hostname) || !isKeyless(options) || options.insecure) return;
  throw new ConfigError([
    `Cannot listen on "${options.hostname}" without an API key: set API_KEY (or GENERATE_API_KEY=true to have one made), make one by "qwen-gateway keys create", ` +
      "HOST=127.0.0.1 to serve this machine only, or INSECURE=true to serve everyone who can reach the address",
  ]);
}
