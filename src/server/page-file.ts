// One file of the chat page as it is served, and where. Both who builds the page and who serves it know it.

export interface PageFile {
  /** Where it is served. */
  readonly path: string;
  readonly type: string;
  /** Tells this content from any other. */
  readonly etag: string;
  /** What it holds, packed by gzip, in base64. */
  readonly gzip: string;
}

export const pagePath = "/chat";
/** The agent's tab of it: src/page/place.ts. */
export const agentTabPath = `${pagePath}#/agent`;
/** What people type too. The page's own addresses are relative, so that it must not be served here. */
export const pagePathWithSlash = "/chat/";
/** The assets' names hold a hash of their content. */
export const pageAssetsPath = "/chat/assets/";

/** Name under which scripts/build.ts puts the packed files into the executable. */
export const packedPageName = "chat-page.pack";

/** The page is served to everybody: it holds nothing of anybody, and it is what asks for a key. */
export function isPagePath(path: string): boolean {
  return path === pagePath || path === pagePathWithSlash || path.startsWith(pageAssetsPath);
}
