// Addresses for people to read: a name and a password in front of the host are nobody's business.

export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//");
}
