// Which addresses may be listened on without a key.

import { ConfigError } from "../config/config-error.ts";

export interface BindOptions {
  readonly hostname: string;
  readonly apiKeys: readonly string[];
  readonly insecure: boolean;
}

/** @throws {ConfigError} when whoever reaches the address could use the upstream accounts, and nobody said they may. */
export function checkBind(options: BindOptions): void {
  if (isLoopback(options.hostname) || options.apiKeys.length > 0 || options.insecure) return;
  throw new ConfigError([
    `Cannot listen on "${options.hostname}" without an API key: set API_KEY (or GENERATE_API_KEY=true to have one made), ` +
      "HOST=127.0.0.1 to serve this machine only, or INSECURE=true to serve everyone who can reach the address",
  ]);
}

/** Whether a host name (brackets around IPv6 allowed, no port) can only mean this machine. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase();
  return name === "localhost" || name === "::1" || name === "[::1]" || loopbackIpv4.test(name);
}

const loopbackIpv4 = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
