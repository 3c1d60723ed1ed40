// A registry of npm on the loopback address, which has the tarballs of one folder and says 404 to everything else.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { unpackTar } from "modern-tar";

export interface NpmRegistry extends AsyncDisposable {
  /** With a slash at its end, as npm writes it. */
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
}

/** @param folder with tarballs as `npm pack` makes them */
export async function serveNpmRegistry(folder: string): Promise<NpmRegistry> {
  const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  const packages = new Map<string, { readonly manifest: { readonly version: string }; readonly file: string }>();
  for (const file of tarballs) {
    const manifest = await readManifest(join(folder, file));
    packages.set(manifest.name, { manifest, file });
  }
  const asked: string[] = [];
  const server: Bun.Server<undefined> = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request): Response {
      const path = decodeURIComponent(new URL(request.url).pathname).slice(1);
      asked.push(path);
      if (path.startsWith("-/files/")) return new Response(Bun.file(join(folder, basename(path))));
      const found = packages.get(path);
      if (found === undefined) return Response.json({ error: "Not found" }, { status: 404 });
      const { manifest, file } = found;
      const integrity = `sha512-${createHash("sha512")
        .update(readFileSync(join(folder, file)))
        .digest("base64")}`;
      const dist = { tarball: `${server.url}-/files/${file}`, integrity };
      return Response.json({
        name: path,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } },
      });
    },
  });
  return {
    url: server.url.href,
    asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** The package.json within a tarball. */
async function readManifest(path: string): Promise<{ readonly name: string; readonly version: string }> {
  const [entry] = await unpackTar(Bun.gunzipSync(readFileSync(path)), {
    filter: ({ name }) => name === "package/package.json",
  });
  return JSON.parse(new TextDecoder().decode(entry?.data));
}
