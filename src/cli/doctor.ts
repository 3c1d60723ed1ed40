// qwen-gateway doctor: looks at everything between here and an answer, and says what to do where something is wrong.

import { ConfigError } from "../config/config-error.ts";
import type { DoctorLine } from "../contract/doctor-line.ts";
import { takesJwt } from "../server/auth/jwt-settings.ts";
import type { Command, CommandContext, ExitCode } from "./command.ts";
import { printDoctorLine } from "./print-doctor-line.ts";
import { configFlags, loadCommandConfig, type LoadedCommandConfig } from "./config-flags.ts";

export function doctorCommand(): Command {
  return {
    name: "doctor",
    summary: "Checks settings, data directory, limits, clock, accounts, upstreams and the way to them; says what to do",
    example: "qwen-gateway doctor",
    flags: [{ name: "offline", description: "Leave out whatever needs the network" }, ...configFlags()],
    notes:
      "Give it the settings of your gateway: the same file, environment and flags. It sends one short message to Qwen, in a\n" +
      "chat of its own that it deletes, and one to each other upstream. The exit code is 0 when nothing failed; warnings do\n" +
      "not count.",
    async run({ offline, ...flags }, context) {
      let failures = 0;
      let warnings = 0;
      for await (const line of diagnose(flags, context, offline === "true")) {
        if (line.verdict === "fail") failures++;
        if (line.verdict === "warn") warnings++;
        printDoctorLine(line, context);
      }
      context.print(closingLine(failures, warnings));
      return (failures === 0 ? 0 : 1) satisfies ExitCode;
    },
  };
}

async function* diagnose(
  flags: Readonly<Record<string, string>>,
  context: CommandContext,
  offline: boolean,
): AsyncGenerator<DoctorLine> {
  // Loaded here, because no other command should wait for it.
  const machine = await import("./doctor-machine.ts");
  let loaded: LoadedCommandConfig;
  try {
    loaded = loadCommandConfig(flags, context);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    yield* machine.problemLines(error);
    return;
  }
  const { config } = loaded;
  yield* machine.configurationLines(loaded);
  yield* machine.toolServerLines(loaded);
  if (takesJwt(config)) yield* (await import("./doctor-jwt.ts")).jwtLines(config);
  const directory = machine.dataDirectoryLines(config.dataDir);
  yield* directory;
  const { readDescriptorLimit } = await import("../telemetry/descriptors.ts");
  yield* machine.descriptorLines(readDescriptorLimit(), config);
  if (directory.some((line) => line.verdict === "fail")) return;
  const { diagnoseUpstream } = await import("./doctor-upstream.ts");
  yield* diagnoseUpstream(config, offline);
}

function closingLine(failures: number, warnings: number): string {
  const warned = warnings === 0 ? "" : `, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  if (failures === 0) return `Nothing failed${warned}`;
  return `${failures} failed${warned}: follow the advice behind the arrows, from the top`;
}
