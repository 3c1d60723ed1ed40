// The pages of the gateway: where they are served, and one file of them. Both who builds a page and who serves it know it.

import { accepts } from "../accepts.ts";
import type { Trip } from "../trip.ts";

export interface PageFile {
  /** Where it is served. */
  readonly path: string;
  readonly type: string;
  /** Tells this content from any other. */
  readonly etag: string;
  /** What it holds, packed by gzip, in base64. */
  readonly gzip: string;
}

export interface PagePlace {
  /** In sentences. */
  readonly name: string;
  /** The page's own addresses are relative to it. */
  readonly path: string;
  /** The assets' names hold a hash of their content. */
  readonly assetsPath: string;
  /** Name under which scripts/build.ts puts its packed files into the executable. */
  readonly packedName: string;
}

export const chatPage: PagePlace = {
  name: "chat page",
  path: "/chat",
  assetsPath: "/chat/assets/",
  packedName: "chat-page.pack",
};

export const statusPage: PagePlace = {
  name: "status page",
  path: "/",
  assetsPath: "/status/assets/",
  packedName: "status-page.pack",
};

/** The agent's tab of the chat page: src/page/place.ts. */
export const agentTabPath = `${chatPage.path}#/agent`;
/** What people type too. The page's own addresses are relative, so that it must not be served here. */
export const chatPathWithSlash = "/chat/";

const pages = [chatPage, statusPage];

/** Paths at which nothing is served but pages. */
export function isPagePath(path: string): boolean {
  return path === chatPathWithSlash || pages.some((page) => path === page.path || path.startsWith(page.assetsPath));
}

/** The pages are served to everybody: they hold nothing of anybody, and they are what asks for a key. */
export function isPageRequest({ path, request }: Pick<Trip, "path" | "request">): boolean {
  return path === statusPage.path ? wantsPage(request) : isPagePath(path);
}

/** At `/` programs find nothing, as ever: many ask it for a sign of life of what they take for another server. */
export function wantsPage({ method, headers }: Request): boolean {
  return (method === "GET" || method === "HEAD") && accepts(headers.get("accept"), "text/html");
}
