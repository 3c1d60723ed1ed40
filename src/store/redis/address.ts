// The address of a shared store, which may hold a password: what of it may be shown.

/** `redis://host:6379/0`: without user and password, also without what else might be hidden in it. */
export function describeAddress(url: string): string {
  if (!URL.canParse(url)) return "an address that cannot be read";
  const { protocol, hostname, port, pathname } = new URL(url);
  return `${protocol}//${hostname}${port === "" ? "" : `:${port}`}${/^\/\d+$/.test(pathname) ? pathname : ""}`;
}
