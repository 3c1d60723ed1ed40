// How a line of the doctor is shown; setup shows its findings in the same form.

import type { DoctorLine } from "../contract/doctor-line.ts";
import type { CommandContext } from "./command.ts";

const colours = { ok: "\u001b[32m", warn: "\u001b[33m", fail: "\u001b[31m" } as const;
const plain = "\u001b[0m";
const subjectWidth = 16;

export function printDoctorLine(
  { verdict, subject, finding, advice }: DoctorLine,
  context: Pick<CommandContext, "print" | "hasColours">,
): void {
  const label = verdict.padEnd(4);
  const shown = context.hasColours === true ? `${colours[verdict]}${label}${plain}` : label;
  context.print(`${shown}  ${subject.padEnd(subjectWidth)}  ${finding}`);
  if (advice !== undefined) context.print(`${" ".repeat(6 + subjectWidth)}  -> ${advice}`);
}
