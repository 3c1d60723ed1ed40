// Where a single stream is found: to come back to it, and to stop it.

/** `<url>/<streamId>`; the query of `url` stays. Relative addresses stay relative. */
export function streamAddress(url: string, streamId: string): string {
  const [address = ""] = url.split("#");
  const [path = "", ...query] = address.split("?");
  return [`${path.replace(/\/+$/, "")}/${encodeURIComponent(streamId)}`, ...query].join("?");
}
