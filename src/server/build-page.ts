// The chat page's files out of its sources: bundled, named by their content, packed. Runs when the executable is built, and
// at the first request where there is none.

import { join } from "node:path";
import { type PageFile, pageAssetsPath, pagePath } from "./page-file.ts";

const sources = join(import.meta.dir, "..", "page");
const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%235b5bd6' d='M3 1h10a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H8l-4 3v-3H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2z'/%3E%3C/svg%3E";

/** @throws {Error} with what the bundler says */
export async function buildPage(): Promise<PageFile[]> {
  const [modules, plain] = await Promise.all([
    bundle({ entrypoints: [join(sources, "main.ts")], format: "esm", splitting: true }),
    // Runs before the first paint, so it is no module; the stylesheet goes with it.
    bundle({ entrypoints: [join(sources, "before-paint.ts"), join(sources, "chat.css")], format: "iife" }),
  ]);
  const outputs = [...modules, ...plain];
  const pathOf = (name: RegExp) => {
    const found = outputs.find(({ path }) => name.test(path));
    if (found === undefined) throw new Error(`Cannot build the chat page: the bundler made no ${name.source}`);
    return assetPath(found);
  };
  const shell = shellHtml({
    style: pathOf(/\/chat-\w+\.css$/),
    beforePaint: pathOf(/\/before-paint-\w+\.js$/),
    main: pathOf(/\/main-\w+\.js$/),
  });
  const assets = await Promise.all(
    outputs.map(async (output) => pack(assetPath(output), new Uint8Array(await output.arrayBuffer()))),
  );
  return [pack(pagePath, new TextEncoder().encode(shell)), ...assets];
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

function assetPath({ path }: { readonly path: string }): string {
  return pageAssetsPath + path.replace(/^.*\//, "");
}

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

function pack(path: string, bytes: Uint8Array<ArrayBuffer>): PageFile {
  return {
    path,
    type: types[path.slice(path.lastIndexOf(".") + 1)] ?? "text/html; charset=utf-8",
    etag: `"${Bun.CryptoHasher.hash("sha256", bytes, "hex").slice(0, 16)}"`,
    gzip: Bun.gzipSync(bytes, { level: 9 }).toBase64(),
  };
}

function shellHtml(paths: { readonly style: string; readonly beforePaint: string; readonly main: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>Chat · qwen-gateway</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${paths.style}">
<script src="${paths.beforePaint}"></script>
<script type="module" src="${paths.main}"></script>
</head>
<body>
<div id="page"></div>
<noscript><p class="plain-notice">This page needs JavaScript. The same answers come from POST /api/chat/stream.</p></noscript>
</body>
</html>
`;
}
