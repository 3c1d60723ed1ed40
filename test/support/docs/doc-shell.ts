// A terminal in which the blocks of one document are typed: a home and a folder of their own, the compiled executable as
// `qwen-gateway`, and free ports in the place of those that the document names. A command that serves goes on behind the
// next ones, as in a second terminal; a gateway that a page takes for granted starts with the first question to it.

import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binaryPath, createPlace, ensureBuilt } from "../binary.ts";
import { pdfOf } from "../sample-files.ts";
import { commandsOf, type CodeBlock } from "./read-markdown.ts";

const root = join(import.meta.dir, "..", "..", "..");

/** Longest time of one block; far beyond what any needs. */
const patienceMs = 60_000;

/** Ports that documents name: of the gateway first, of emulators and servers that it stands in front of. */
const namedPorts = [8787, 8788, 8789, 8000, 11434, 30000, 8080, 9931, 1234] as const;

export interface Answer {
  readonly status: number;
  readonly words: string;
}

export interface BlockResult {
  readonly exitCode: number;
  /** Of both kinds, as a terminal shows it. */
  readonly output: string;
  /** Of each call of curl. */
  readonly answers: readonly Answer[];
}

export interface DocShell extends AsyncDisposable {
  run(block: CodeBlock): Promise<BlockResult>;
}

/** @param emulatedQwen where an emulated web backend is, told to the blocks as `$EMULATED_QWEN` */
export function openDocShell(emulatedQwen: string): DocShell {
  ensureBuilt();
  const place = createPlace();
  const stage = join(place.folder, "..", "stage");
  const programs = join(stage, "bin");
  mkdirSync(programs, { recursive: true });
  const ports = takePorts();
  for (const [name, text] of Object.entries(standIns)) {
    writeFileSync(join(programs, name), text);
    chmodSync(join(programs, name), 0o755);
  }
  writeSamples(place.folder, emulatedQwen);
  const environment = {
    PATH: `${programs}:${process.env["PATH"] ?? ""}`,
    HOME: place.home,
    PORT: String(ports.get(namedPorts[0])),
    DOC_STAGE: stage,
    DOC_EXECUTABLE: binaryPath,
    EMULATED_QWEN: emulatedQwen,
  };

  return {
    async run(block) {
      const script = toScript(block, ports);
      for (const name of ["answers", "heads"]) writeFileSync(join(stage, name), "");
      const child = Bun.spawn(["bash", "-c", script], {
        cwd: place.folder,
        env: { ...environment, DOC_ENDLESS: block.isEndless ? "1" : "" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
      const [output, errors, exitCode] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      clearTimeout(timer);
      return { exitCode, output: output + errors, answers: readAnswers(stage) };
    },
    async [Symbol.asyncDispose]() {
      await Bun.spawn([join(programs, "stop-servers")], { env: environment }).exited;
      rmSync(stage, { recursive: true, force: true });
      place[Symbol.dispose]();
    },
  };
}

/** What was exported lasts until the next block, and so does the folder that was gone to. */
function toScript(block: CodeBlock, ports: ReadonlyMap<number, number>): string {
  const passedOver = [...block.passedOver.keys()].map((name) => `${name}() { :; }`);
  return [
    "[ ! -f $DOC_STAGE/state ] || . $DOC_STAGE/state",
    "set -eo pipefail",
    ...passedOver,
    withPorts(block.before, ports),
    withPorts(commandsOf(block), ports),
    '{ export -p | grep -v " DOC_ENDLESS="; printf "cd %q\\n" "$PWD"; } > $DOC_STAGE/state',
  ].join("\n");
}

function withPorts(text: string, ports: ReadonlyMap<number, number>): string {
  return text.replaceAll(/(?<=(?:127\.0\.0\.1|localhost):|--port |\bPORT=)\d+/g, (port) =>
    String(ports.get(Number(port)) ?? port),
  );
}

function takePorts(): Map<number, number> {
  const listeners = namedPorts.map(() =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } }),
  );
  const ports = new Map(namedPorts.map((port, index) => [port as number, listeners[index]!.port]));
  for (const listener of listeners) listener.stop(true);
  return ports;
}

function readAnswers(stage: string): Answer[] {
  const statuses = [...readFileSync(join(stage, "heads"), "utf8").matchAll(/^HTTP\/\S+ (\d{3})/gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);
  const words = readFileSync(join(stage, "answers"), "utf8");
  return statuses.map((status) => ({ status, words }));
}

/** Files that a reader is thought to have. */
function writeSamples(folder: string, emulatedQwen: string): void {
  const curlCommand =
    "curl 'https://chat.qwen.ai/api/v2/chat/completions' -H 'cookie: token=pasted-token; refresh_token=pasted' " +
    "-H 'bx-umidtoken: T2gA' -H 'user-agent: Mozilla/5.0' --data-raw '{}'";
  writeFileSync(join(folder, "contract.pdf"), pdfOf("The notice period is two months."));
  writeFileSync(join(folder, "lease.pdf"), pdfOf("The rent is due on the first day of the month."));
  writeFileSync(join(folder, "notes.md"), "# Notes\n\nThe office is closed between Christmas and New Year.\n");
  writeFileSync(join(folder, "key.txt"), "sk-of-somebody\n");
  writeFileSync(join(folder, "settings.env"), "LOG_LEVEL=info\n");
  writeFileSync(join(folder, "pasted.txt"), `${curlCommand}\n`);
  const request = {
    method: "POST",
    url: `${emulatedQwen}/api/v2/chat/completions`,
    headers: [{ name: "cookie", value: "token=saved-token; refresh_token=saved" }],
  };
  writeFileSync(join(folder, "chat.har"), JSON.stringify({ log: { version: "1.2", entries: [{ request }] } }));
}

const standIns: Readonly<Record<string, string>> = {
  // Serving commands go on by themselves once they listen; a gateway takes the place of the one before it.
  "qwen-gateway": `#!/usr/bin/env bash
set -u
name=gateway
case "\${1-}" in
  emulate|replay) name="$1-$$" ;;
  serve|"") ;;
  -*) case " $* " in *" --help "*|*" --version "*) exec "$DOC_EXECUTABLE" "$@" ;; esac ;;
  *) exec "$DOC_EXECUTABLE" "$@" ;;
esac
if [ "$name" = gateway ] && [ -f "$DOC_STAGE/gateway.pid" ]; then stop-servers gateway; fi
log="$DOC_STAGE/$name.log"
: >"$log"
"$DOC_EXECUTABLE" "$@" </dev/null >"$log" 2>&1 &
pid=$!
echo $pid >"$DOC_STAGE/$name.pid"
for _ in $(seq 1500); do
  if grep -qE '^(qwen-gateway [^ ]+ listens|Emulated [a-zA-Z-]+|Recorded upstream) on http' "$log"; then cat "$log"; exit 0; fi
  if ! kill -0 $pid 2>/dev/null; then break; fi
  sleep 0.01
done
cat "$log" >&2
rm -f "$DOC_STAGE/$name.pid"
wait $pid
exit $?
`,
  "stop-servers": `#!/usr/bin/env bash
for file in "$DOC_STAGE"/\${1-*}.pid; do
  [ -f "$file" ] || continue
  pid=$(cat "$file")
  # Nobody may be there to take note of its end.
  runs() { [ -e /proc/$pid/stat ] && ! grep -q ') Z ' /proc/$pid/stat; }
  kill -TERM $pid 2>/dev/null
  for _ in $(seq 500); do runs || break; sleep 0.01; done
  kill -KILL $pid 2>/dev/null
  while runs; do sleep 0.01; done
  rm -f "$file"
done
exit 0
`,
  curl: `#!/usr/bin/env bash
if [ ! -f "$DOC_STAGE/gateway.pid" ]; then
  case "$*" in *":$PORT"*) qwen-gateway >/dev/null || exit 1 ;; esac
fi
curl=$(PATH="\${PATH#*:}" command -v curl)
heads=$(mktemp "$DOC_STAGE/head.XXXXXX")
if [ -n "$DOC_ENDLESS" ]; then
  mkfifo "$heads.out"
  "$curl" --max-time 30 -sSN -D "$heads" "$@" >"$heads.out" &
  pid=$!
  IFS= read -r line <"$heads.out"
  status=$?
  kill $pid
  printf '%s\\n' "$line"
else
  "$curl" --max-time 30 -sS -D "$heads" "$@" | tee -a "$DOC_STAGE/answers"
  status=\${PIPESTATUS[0]}
fi
cat "$heads" >>"$DOC_STAGE/heads"
exit $status
`,
  // From a clone: what \`start\` does before it, \`test/e2e/package.test.ts\` proves.
  npx: `#!/usr/bin/env bash
[ "\${1-}" = --yes ] && shift
case "\${1-} \${2-}" in
  "bun@1.4.5 start"|"bun@1.4.5 src/boot.ts") shift 2; exec qwen-gateway "$@" ;;
  "qwen-gateway "*) shift; exec qwen-gateway "$@" ;;
  "bun@1.4.5 examples/"*) shift; exec bun "$@" ;;
  "-y @modelcontextprotocol/server-filesystem") shift 2; exec "${root}/node_modules/.bin/mcp-server-filesystem" "$@" ;;
esac
echo "The documents' terminal has no such package: $*" >&2
exit 127
`,
  bun: `#!/usr/bin/env bash
case "\${1-}" in
  examples/*)
    [ -f "$DOC_STAGE/gateway.pid" ] || qwen-gateway >/dev/null
    GATEWAY_ORIGIN="http://127.0.0.1:$PORT" GATEWAY_URL="http://127.0.0.1:$PORT/v1" exec "${process.execPath}" "${root}/$1" ;;
esac
echo "The documents' terminal does not run: bun $*" >&2
exit 127
`,
  python3: `#!/usr/bin/env bash
case "\${1-}" in
  examples/python/*)
    [ -f "$DOC_STAGE/gateway.pid" ] || qwen-gateway >/dev/null
    GATEWAY_ORIGIN="http://127.0.0.1:$PORT" GATEWAY_URL="http://127.0.0.1:$PORT/v1" \
      exec "${Bun.which("python3") ?? "python3"}" "${root}/$1" ;;
esac
echo "The documents' terminal does not run: python3 $*" >&2
exit 127
`,
  // Whatever would change the machine, or leave it.
  ...Object.fromEntries(
    ["docker", "podman", "systemctl", "sudo", "apt-get", "apt", "dpkg", "brew", "npm", "pip", "kubectl", "helm"].map(
      (name) => [name, `#!/bin/sh\necho "The documents' terminal has no ${name}" >&2\nexit 127\n`],
    ),
  ),
  pidof: `#!/usr/bin/env bash
cat "$DOC_STAGE/gateway.pid"
`,
};
