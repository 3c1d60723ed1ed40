// The manual page, made of the commands themselves.

import { listCommands } from "../../src/cli/list-commands.ts";

/** In the macros of man. @param timeMs of the release */
export function writeManual(version: string, timeMs: number): string {
  const date = new Date(timeMs).toISOString().slice(0, 10);
  const commands = listCommands().map(
    ({ name, summary, example }) => `.TP\n.B ${asTyped(name)}\n${asTyped(summary)}. Example:\n.I ${asTyped(example)}`,
  );
  return `.TH QWEN\\-GATEWAY 1 "${date}" "qwen\\-gateway ${version}" "User Commands"
.SH NAME
qwen\\-gateway \\- one executable between any LLM client or coding agent and Qwen
.SH SYNOPSIS
.B qwen\\-gateway
[\\fIcommand\\fR] [\\fIflags\\fR]
.SH DESCRIPTION
Without a command it serves, on http://127.0.0.1:8787 unless its settings say otherwise. All flags of a command:
.B qwen\\-gateway
.I command
.B \\-\\-help
.SH COMMANDS
${commands.join("\n")}
.SH EXIT STATUS
0: done. 1: failed. 2: the command line or a setting is wrong.
.SH FILES
.TP
.I /etc/qwen\\-gateway/settings.env
Settings of the service.
.TP
.I /var/lib/qwen\\-gateway
Data of the service: sessions, accounts, keys.
.TP
.I ~/.config/qwen\\-gateway/config.yaml
Settings of a user, where no \\-\\-config names another file.
`;
}

/** A hyphen is typed, a line that begins with a dot is no macro. */
function asTyped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^([.'])/gm, "\\&$1");
}
