// What a soak measured, and the bounds that it has to keep: for the tests that look at them and the table that shows them.

import { readdirSync } from "node:fs";

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Undefined: told for interest only. */
  readonly atMost?: number;
}

export interface Soak {
  readonly name: string;
  readonly figures: readonly Figure[];
}

export const mebibyte = 1024 * 1024;

/** One sentence for each bound that was not kept. */
export function brokenBounds({ name, figures }: Soak): string[] {
  return figures
    .filter((figure) => figure.atMost !== undefined && !(figure.value <= figure.atMost))
    .map(
      ({ what, value, unit, atMost }) => `${name}: ${what} is ${rounded(value)} ${unit}, at most ${atMost} is allowed`,
    );
}

export function rounded(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

export interface Resources {
  readonly residentBytes: number;
  readonly descriptors: number;
}

/** Of another process. Zeros where the system does not tell: bounds on them hold by themselves there. */
export async function resourcesOf(pid: number): Promise<Resources> {
  if (process.platform !== "linux") return { residentBytes: 0, descriptors: 0 };
  const status = await Bun.file(`/proc/${pid}/status`).text();
  const residentBytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  return { residentBytes, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** The least that is seen in a while: memory comes back some time after it was let go. */
export async function settledResources(pid: number, looks = 20): Promise<Resources> {
  const seen: Resources[] = [];
  for (let look = 0; look < looks; look++) {
    seen.push(await resourcesOf(pid));
    await Bun.sleep(100);
  }
  return {
    residentBytes: Math.min(...seen.map((one) => one.residentBytes)),
    descriptors: Math.min(...seen.map((one) => one.descriptors)),
  };
}
