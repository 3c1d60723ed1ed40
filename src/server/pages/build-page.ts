// The pages' files out of their sources: bundled, named by their content, packed. Runs when the executable is built, and at
// the first request where there is none.

import { join } from "node:path";
import { chatPage, type PageFile, type PagePlace, statusPage } from "./page-file.ts";

const sources = join(import.meta.dir, "..", "..", "page");

export interface PageSources {
  readonly page: PagePlace;
  /** Its folder, relative to src/page/, with an entry `main.ts`. */
  readonly folder: string;
  /** Name of its stylesheet in the folder `style`. */
  readonly style: string;
  readonly title: string;
  /** A path on a square of sixteen, in the colour of the gateway. */
  readonly icon: string;
  /** Where there is no JavaScript. */
  readonly notice: string;
}

export const pageSources: readonly PageSources[] = [
  {
    page: chatPage,
    folder: ".",
    style: "chat",
    title: "Chat · qwen-gateway",
    icon: "M3 1h10a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H8l-4 3v-3H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2z",
    notice: "This page needs JavaScript. The same answers come from POST /api/chat/stream.",
  },
  {
    page: statusPage,
    folder: "status",
    style: "status",
    title: "Status · qwen-gateway",
    icon: "M3 1h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2zm1 6v5h2V7zm3-3v8h2V4zm3 5v3h2V9z",
    notice: "This page needs JavaScript. The same facts come from GET /admin/api/status and its neighbours.",
  },
];

/** @throws {Error} with what the bundler says */
export async function buildPage(from: PageSources): Promise<PageFile[]> {
  const { page, folder, style } = from;
  const [modules, plain] = await Promise.all([
    bundle({ entrypoints: [join(sources, folder, "main.ts")], format: "esm", splitting: true }),
    // Runs before the first paint, so it is no module; the stylesheet goes with it.
    bundle({
      entrypoints: [join(sources, "before-paint.ts"), join(sources, folder, "style", `${style}.css`)],
      format: "iife",
    }),
  ]);
  const outputs = [...modules, ...plain];
  const assetPath = ({ path }: { readonly path: string }) => page.assetsPath + path.replace(/^.*\//, "");
  const pathOf = (name: string, extension: string) => {
    const pattern = new RegExp(`/${name}-\\w+\\.${extension}$`);
    const found = outputs.find(({ path }) => pattern.test(path));
    if (found === undefined) throw new Error(`Cannot build the ${page.name}: the bundler made no ${pattern.source}`);
    // Relative to the page, which may stand beneath the prefix of a proxy.
    return assetPath(found).slice(1);
  };
  const shell = shellHtml(from, {
    style: pathOf(style, "css"),
    beforePaint: pathOf("before-paint", "js"),
    main: pathOf("main", "js"),
  });
  const assets = await Promise.all(
    outputs.map(async (output) => pack(assetPath(output), new Uint8Array(await output.arrayBuffer()))),
  );
  return [pack(page.path, new TextEncoder().encode(shell)), ...assets];
}

async function bundle(options: Omit<Bun.BuildConfig, "target" | "tsconfig">): Promise<Bun.BuildArtifact[]> {
  const built = await Bun.build({
    ...options,
    target: "browser",
    tsconfig: join(sources, "tsconfig.json"),
    minify: true,
    naming: { entry: "[name]-[hash].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return built.outputs;
}

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

function pack(path: string, bytes: Uint8Array<ArrayBuffer>): PageFile {
  return {
    path,
    type: types[path.slice(path.lastIndexOf(".") + 1)] ?? "text/html; charset=utf-8",
    // Weak, because it stands for the packed and the plain form alike.
    etag: `W/"${Bun.CryptoHasher.hash("sha256", bytes, "hex").slice(0, 16)}"`,
    gzip: Bun.gzipSync(bytes, { level: 9 }).toBase64(),
  };
}

function shellHtml(
  { title, icon, notice }: PageSources,
  paths: { readonly style: string; readonly beforePaint: string; readonly main: string },
): string {
  const picture = `%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%235b5bd6' d='${icon}'/%3E%3C/svg%3E`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,${picture}">
<link rel="stylesheet" href="${paths.style}">
<script src="${paths.beforePaint}"></script>
<script type="module" src="${paths.main}"></script>
</head>
<body>
<div id="page"></div>
<noscript><p class="plain-notice">${notice}</p></noscript>
</body>
</html>
`;
}
