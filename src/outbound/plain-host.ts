// Names and addresses of hosts without the marks of a URL.

/** A host as a resolver or a socket wants it. @param hostname as `URL` tells it: brackets around addresses of version 6 */
export function plainHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}
