// Whose request it is, for the log. X-Forwarded-For counts only where a trusted proxy wrote it.

import type { BlockList } from "node:net";
import { ConfigError } from "../../config/config-error.ts";

/** @returns the address of the client, as far as trusted proxies tell; `socketAddress` when none does. */
export type ClientAddress = (socketAddress: string, headers: Headers) => string;

/**
 * @param trustedProxies addresses or networks (`10.0.0.0/8`).
 * @throws {ConfigError} when one is neither.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  if (trustedProxies.length === 0) return plainAddress;
  const trusted = new (net().BlockList)();
  for (const proxy of trustedProxies) addProxy(trusted, proxy);

  return (socketAddress, headers) => {
    let address = plainAddress(socketAddress);
    const hops = (headers.get("x-forwarded-for") ?? "").split(",");
    // From the right: each hop was written by the one behind it, and is believed as long as that one is trusted.
    while (isTrusted(trusted, address)) {
      const hop = plainAddress(withoutPort(hops.pop()?.trim() ?? ""));
      if (net().isIP(hop) === 0) return address;
      address = hop;
    }
    return address;
  };
}

function addProxy(trusted: BlockList, proxy: string): void {
  const [address = "", prefix, ...more] = proxy.split("/");
  const version = net().isIP(address);
  const bits = version === 4 ? 32 : 128;
  const prefixBits = prefix === undefined ? bits : Number(prefix);
  const isNetwork = version !== 0 && more.length === 0 && prefix !== "" && Number.isInteger(prefixBits);
  if (!isNetwork || prefixBits < 0 || prefixBits > bits) {
    throw new ConfigError([
      `Cannot trust the proxy "${proxy}": TRUSTED_PROXIES takes addresses and networks such as "10.0.0.0/8"`,
    ]);
  }
  trusted.addSubnet(address, prefixBits, family(version));
}

function isTrusted(trusted: BlockList, address: string): boolean {
  const version = net().isIP(address);
  return version !== 0 && trusted.check(address, family(version));
}

function family(version: number): "ipv4" | "ipv6" {
  return version === 6 ? "ipv6" : "ipv4";
}

/** Some proxies, such as Azure's, write the client's port too. */
function withoutPort(hop: string): string {
  const [, ipv4, ipv6] = withPort.exec(hop) ?? [];
  return ipv4 ?? ipv6 ?? hop;
}

const withPort = /^(?:([\d.]+):\d{1,5}|\[([\da-f:.]+)\](?::\d{1,5})?)$/i;

/** A socket that listens on both families tells IPv4 addresses in IPv6 clothes. */
function plainAddress(address: string): string {
  return address.startsWith("::") ? address.replace(mappedPrefix, "") : address;
}

const mappedPrefix = /^::ffff:(?=\d+\.)/i;

/** Loaded where a proxy is trusted, and not with every gateway: it costs 5 MB. */
function net(): Pick<typeof import("node:net"), "BlockList" | "isIP"> {
  return process.getBuiltinModule("node:net");
}
