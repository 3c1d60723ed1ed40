// Which hosts stand on this machine or in a network of one's own, by their names alone: nobody is asked.

import { isIP } from "node:net";
import { plainHost } from "./plain-host.ts";
import { isPublicAddress } from "./public-address.ts";

/** Kept free of public names: RFC 6761, RFC 6762, RFC 8375, and `.internal` by ICANN (2024). */
const privateZones = /\.(?:localhost|local|internal|home\.arpa)$/;

/** @param hostname as `URL` tells it: brackets around addresses of the version 6, no port */
export function isLocalHost(hostname: string): boolean {
  const name = plainHost(hostname.toLowerCase());
  if (isIP(name) !== 0) return !isPublicAddress(name);
  // A single word is a name of the own network, such as that of a container's neighbour.
  return name !== "" && (!name.includes(".") || privateZones.test(name));
}
