// Which hosts are this machine and nothing else. Apart from local-host.ts, because the start asks it and loads no node:net.

import { plainHost } from "./plain-host.ts";

const loopbackIpv4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** @param hostname without a port; brackets around addresses of version 6 may be there */
export function isLoopback(hostname: string): boolean {
  const name = plainHost(hostname.toLowerCase());
  return name === "localhost" || name === "::1" || loopbackIpv4.test(name);
}
