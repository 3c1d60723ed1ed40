// Files that a client has uploaded before and names by their ids, between the parsing of a request and the looking up.

const scheme = "file-id:";

/** Stands where an address would: whoever answers the request puts the file's own in its place. */
export function fileReference(id: string): string {
  return scheme + id;
}

/** Undefined for every other address. */
export function fileIdIn(url: string): string | undefined {
  return url.startsWith(scheme) ? url.slice(scheme.length) : undefined;
}
