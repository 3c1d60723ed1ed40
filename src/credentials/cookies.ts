// A Cookie header as a jar: looked into, and changed by Set-Cookie lines the way a browser would. Pure.

export function cookieValue(header: string | undefined, name: string): string | undefined {
  return parseCookies(header).get(name) || undefined;
}

/** In the order of the header; a name that comes twice keeps its first value, as servers read it. */
export function parseCookies(header: string | undefined): Map<string, string> {
  const jar = new Map<string, string>();
  for (const pair of header?.split(";") ?? []) {
    const at = pair.indexOf("=");
    const name = at < 0 ? "" : pair.slice(0, at).trim();
    if (name !== "" && !jar.has(name)) jar.set(name, pair.slice(at + 1).trim());
  }
  return jar;
}

/** Undefined when nothing is left. */
export function formatCookies(jar: ReadonlyMap<string, string>): string | undefined {
  return jar.size === 0 ? undefined : Array.from(jar, ([name, value]) => `${name}=${value}`).join("; ");
}

/**
 * Servers take header lines of 8 KB (nginx, as it is delivered), and refuse every request with a longer one. UTF-16 units.
 * A name that answers change each time, with a life of a minute, would fill it for ever: when a cookie dies is not kept.
 */
const mostJarChars = 6144;
/** Browsers take no longer ones. @see https://www.rfc-editor.org/rfc/rfc6265#section-6.1 */
const mostCookieChars = 4096;

/**
 * Adds, changes and deletes what the lines say; adds nothing more to a jar that is full. Domains and paths are not looked
 * at: one site, one jar.
 */
export function applySetCookies(jar: Map<string, string>, lines: readonly string[], nowMs: number): void {
  for (const line of lines) {
    const [pair = "", ...attributes] = line.split(";");
    const at = pair.indexOf("=");
    const name = at < 0 ? "" : pair.slice(0, at).trim();
    const value = pair.slice(at + 1).trim();
    // A value that cannot stand in a header would spoil every request.
    if (name === "" || !isPrintable(name) || !isPrintable(value)) continue;
    if (name.length + value.length > mostCookieChars) continue;
    if (value === "" || isOver(attributes, nowMs)) jar.delete(name);
    else if (jar.has(name) || hasRoom(jar, name, value)) jar.set(name, value);
  }
}

function hasRoom(jar: ReadonlyMap<string, string>, name: string, value: string): boolean {
  return (formatCookies(jar)?.length ?? 0) + "; ".length + name.length + "=".length + value.length <= mostJarChars;
}

/** What led from one header to another, done to a third one. */
export function carryChanges(
  before: string | undefined,
  after: string | undefined,
  header: string | undefined,
): string | undefined {
  if (header === before) return after;
  const [was, is, jar] = [parseCookies(before), parseCookies(after), parseCookies(header)];
  for (const [name, value] of is) if (was.get(name) !== value) jar.set(name, value);
  for (const name of was.keys()) if (!is.has(name)) jar.delete(name);
  return formatCookies(jar);
}

/** `Max-Age` goes before `Expires`. @see https://www.rfc-editor.org/rfc/rfc6265#section-5.3 */
function isOver(attributes: readonly string[], nowMs: number): boolean {
  let expiresAtMs = Number.POSITIVE_INFINITY;
  for (const attribute of attributes) {
    const [name = "", ...rest] = attribute.split("=");
    const value = rest.join("=").trim();
    switch (name.trim().toLowerCase()) {
      case "max-age":
        if (/^-?\d+$/.test(value)) return Number(value) <= 0;
        break;
      case "expires":
        expiresAtMs = Date.parse(value);
        break;
    }
  }
  return expiresAtMs <= nowMs;
}

function isPrintable(text: string): boolean {
  return /^[ -~]*$/.test(text);
}
