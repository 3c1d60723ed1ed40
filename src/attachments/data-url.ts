// Addresses that hold what they lead to.

export interface DataUrl {
  /** "" where none is told. */
  readonly mediaType: string;
  /** As it stands behind the comma. */
  readonly data: string;
  readonly isBase64: boolean;
}

const schemeEnd = "data:".length;
/** What may stand before the comma is short; looking further would be slow for what is no such address. */
const maxHeadChars = 300;

/** @returns undefined for other addresses, and for what only begins like one */
export function parseDataUrl(url: string): DataUrl | undefined {
  if (!/^data:/i.test(url.slice(0, schemeEnd))) return undefined;
  const comma = url.slice(0, maxHeadChars).indexOf(",");
  if (comma < 0) return undefined;
  const [mediaType = "", ...rest] = url.slice(schemeEnd, comma).split(";");
  const isBase64 = rest.some((word) => word.trim().toLowerCase() === "base64");
  return { mediaType: mediaType.trim().toLowerCase(), data: url.slice(comma + 1), isBase64 };
}

/** At most so many bytes come out of it. */
export function mostBytesOf({ data, isBase64 }: DataUrl): number {
  return isBase64 ? Math.ceil((data.length * 3) / 4) : data.length * 3;
}

/** @returns undefined for data that is not what it says */
export function bytesOf({ data, isBase64 }: DataUrl): Uint8Array | undefined {
  return isBase64 ? bytesOfBase64(data) : bytesOfPercent(data);
}

/** Both alphabets, with or without white space and padding; anything else is refused, where `Buffer` would pass over it. */
export function bytesOfBase64(data: string): Uint8Array | undefined {
  const bytes = Buffer.from(data, "base64");
  const padding = data.endsWith("==") ? 2 : data.endsWith("=") ? 1 : 0;
  const signs = data.length - padding;
  // The usual case: as many bytes as its length promises, so that no sign was passed over.
  if (signs % 4 !== 1 && Math.floor((signs * 3) / 4) === bytes.length) return bytes;
  return /^[\w+/\s-]*={0,2}\s*$/.test(data) ? bytes : undefined;
}

function bytesOfPercent(data: string): Uint8Array | undefined {
  try {
    return new TextEncoder().encode(decodeURIComponent(data));
  } catch {
    // That is how it says that an escape is none.
    return undefined;
  }
}

export function dataUrlOf(mediaType: string, bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes;
  return `data:${mediaType};base64,${Buffer.from(buffer, byteOffset, byteLength).toString("base64")}`;
}
