// The files of a page as answers: out of the executable or bundled anew, packed for who can unpack, asked for again by their
// ETag. They are static and hold nothing of anybody, so that they are served without a key.

import { GatewayError } from "../../contract/gateway-error.ts";
import { madeOnce } from "../../contract/made-once.ts";
import { accepts } from "../accepts.ts";
import type { PageFile, PagePlace } from "./page-file.ts";
import type { ServerRoute, Trip } from "../trip.ts";

export type LoadPage = () => Promise<readonly PageFile[]>;

/** No page of ours needs the devices of its reader, unless it says so. */
export function permissionsPolicy(microphone: "nobody" | "page"): string {
  return `camera=(), geolocation=(), microphone=(${microphone === "page" ? "self" : ""}), payment=(), usb=()`;
}

/** No script, style or frame but our own, no address but our own. */
const basePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
];

const commonHeaders: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Names of assets change with their content; the shell names them, so it is asked for each time. */
const shellCaching = "no-cache";
const assetCaching = "public, max-age=31536000, immutable";

export interface PageOptions {
  /** How the files come. @defaultValue out of the executable, or bundled anew without one */
  readonly load?: LoadPage | undefined;
  /** What its content security policy says beside what all say. */
  readonly policy: readonly string[];
  readonly permissions: () => string;
  /** What the shell's answer depends on, beside the packing. */
  readonly vary?: string;
}

/** Answers requests for the page and its assets. */
export function createPageAnswer(page: PagePlace, options: PageOptions): ServerRoute["answer"] {
  const { load = () => loadPage(page), policy, permissions, vary } = options;
  const contentSecurityPolicy = [...basePolicy, ...policy].join("; ");
  // After a failure the next request tries again: whoever edits the page mends it meanwhile.
  const files = madeOnce(async () => new Map((await load()).map((file) => [file.path, file])));

  return async (trip: Trip) => {
    const file = (await files.get()).get(trip.path);
    if (file === undefined) {
      throw new GatewayError("not-found", `Cannot find this file of the ${page.name}: reload the page`);
    }
    const isShell = file.path === page.path;
    return answerFile(file, trip.request.headers, {
      ...commonHeaders,
      "content-security-policy": contentSecurityPolicy,
      "permissions-policy": permissions(),
      vary: isShell && vary !== undefined ? `${vary}, accept-encoding` : "accept-encoding",
      etag: file.etag,
      "cache-control": isShell ? shellCaching : assetCaching,
    });
  };
}

function answerFile(file: PageFile, request: Headers, headers: Readonly<Record<string, string>>): Response {
  if (request.get("if-none-match")?.includes(file.etag)) return new Response(null, { status: 304, headers });
  const packed = Uint8Array.fromBase64(file.gzip);
  return accepts(request.get("accept-encoding"), "gzip", "*")
    ? new Response(packed, { headers: { ...headers, "content-type": file.type, "content-encoding": "gzip" } })
    : new Response(Bun.gunzipSync(packed), { headers: { ...headers, "content-type": file.type } });
}

async function loadPage({ name, packedName }: PagePlace): Promise<readonly PageFile[]> {
  if (Bun.isStandaloneExecutable) {
    // Blobs of embedded files know their name; the type does not say so.
    const packed = Bun.embeddedFiles.find((file) => (file as File).name === packedName);
    if (packed === undefined) {
      throw new GatewayError("not-found", `Cannot serve the ${name}: this executable was built without it`);
    }
    // Written by scripts/build-page.ts of the same build.
    return (await packed.json()) as PageFile[];
  }
  const { buildPage, pageSources } = await import("./build-page.ts");
  const sources = pageSources.find(({ page }) => page.packedName === packedName);
  if (sources === undefined) throw new GatewayError("not-found", `Cannot serve the ${name}: it has no sources`);
  return buildPage(sources);
}
