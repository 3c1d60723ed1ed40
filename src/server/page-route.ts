// GET /chat: the chat page and what belongs to it. The files are static and hold nothing of anybody, so that they are
// served without a key; what the page asks for afterwards wants one.

import { GatewayError } from "../contract/gateway-error.ts";
import { packedPageName, type PageFile, pageAssetsPath, pagePath, pagePathWithSlash } from "./page-file.ts";
import type { ServerRoute, Trip } from "./trip.ts";

/**
 * No script, style or frame but our own, no address but our own. Pictures may also stand in the page itself: what a person
 * attaches. Text becomes a document in one place alone, the sanitizer.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types dompurify",
].join("; ");

const commonHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  vary: "accept-encoding",
};

function permissionsPolicy(microphone: "nobody" | "page"): string {
  return `camera=(), geolocation=(), microphone=(${microphone === "page" ? "self" : ""}), payment=(), usb=()`;
}

/** Names of assets change with their content; the shell names them, so it is asked for each time. */
const shellCaching = "no-cache";
const assetCaching = "public, max-age=31536000, immutable";

/**
 * @param load how the files come. @defaultValue out of the executable, or bundled anew without one
 * @param hears whether the page may use the microphone. @defaultValue never
 */
export function pageRoutes(
  load: () => Promise<readonly PageFile[]> = loadPage,
  hears: () => boolean = () => false,
): ServerRoute[] {
  let files: Promise<ReadonlyMap<string, PageFile>> | undefined;

  async function loadOnce(): Promise<ReadonlyMap<string, PageFile>> {
    files ??= load().then((loaded) => new Map(loaded.map((file) => [file.path, file])));
    try {
      return await files;
    } catch (error) {
      // The next request tries again: whoever edits the page mends it meanwhile.
      files = undefined;
      throw error;
    }
  }

  async function answer(trip: Trip): Promise<Response> {
    const file = (await loadOnce()).get(trip.path);
    if (file === undefined) {
      throw new GatewayError("not-found", "Cannot find this file of the chat page: reload the page");
    }
    return answerFile(file, trip.request.headers, permissionsPolicy(hears() ? "page" : "nobody"));
  }

  return [
    { method: "GET", path: pagePath, answer },
    { method: "GET", path: `${pageAssetsPath}*`, answer },
    {
      method: "GET",
      path: pagePathWithSlash,
      answer: () => new Response(null, { status: 308, headers: { location: "../chat" } }),
    },
  ];
}

function answerFile(file: PageFile, request: Headers, policy: string): Response {
  const headers = {
    ...commonHeaders,
    "permissions-policy": policy,
    etag: file.etag,
    "cache-control": file.path === pagePath ? shellCaching : assetCaching,
  };
  if (request.get("if-none-match")?.includes(file.etag)) return new Response(null, { status: 304, headers });
  const packed = Uint8Array.fromBase64(file.gzip);
  return acceptsGzip(request)
    ? new Response(packed, { headers: { ...headers, "content-type": file.type, "content-encoding": "gzip" } })
    : new Response(Bun.gunzipSync(packed), { headers: { ...headers, "content-type": file.type } });
}

function acceptsGzip(request: Headers): boolean {
  return (request.get("accept-encoding") ?? "")
    .split(",")
    .some((coding) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(coding));
}

async function loadPage(): Promise<readonly PageFile[]> {
  if (Bun.isStandaloneExecutable) {
    // Blobs of embedded files know their name; the type does not say so.
    const packed = Bun.embeddedFiles.find((file) => (file as File).name === packedPageName);
    if (packed === undefined) {
      throw new GatewayError("not-found", "Cannot serve the chat page: this executable was built without it");
    }
    // Written by scripts/build-page.ts of the same build.
    return (await packed.json()) as PageFile[];
  }
  const { buildPage } = await import("./build-page.ts");
  return buildPage();
}
