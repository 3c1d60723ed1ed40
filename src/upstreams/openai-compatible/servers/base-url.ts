// Where a dialect is served, from the few words that users know: a region, a plan, a workspace.

import type { DialectName } from "../dialect.ts";
import { dialects } from "../dialects/index.ts";

export interface Place {
  /** "intl", "cn", "us", "hk", or a region's full name such as "ap-southeast-1". Undefined: the dialect's default. */
  readonly region?: string | undefined;
  /** Of DashScope's plans. */
  readonly plan?: "coding" | "token" | undefined;
  /** A workspace of Model Studio with a host of its own. */
  readonly workspace?: string | undefined;
}

/** Full names of regions beside the short ones (base-url page, 2026-10-11). */
const regions: Readonly<Record<string, string>> = {
  "cn-beijing": "cn",
  beijing: "cn",
  "ap-southeast-1": "intl",
  singapore: "intl",
  "us-east-1": "us",
  virginia: "us",
  "cn-hongkong": "hk",
  hongkong: "hk",
};
const workspaceRegions: Readonly<Record<string, string>> = {
  cn: "cn-beijing",
  intl: "ap-southeast-1",
  us: "us-east-1",
  hk: "cn-hongkong",
};

/** Undefined: the dialect is not served there, so that an address has to be given. */
export function baseUrlOf(dialect: DialectName, { region, plan, workspace }: Place = {}): string | undefined {
  const { baseUrls } = dialects[dialect];
  const wanted = region === undefined ? undefined : (regions[region.toLowerCase()] ?? region.toLowerCase());
  if (dialect === "dashscope-plans") return baseUrls[`${plan ?? "coding"}-${wanted ?? "intl"}`];
  if (dialect === "dashscope" && workspace !== undefined) {
    const full = workspaceRegions[wanted ?? "intl"] ?? wanted;
    return `https://${workspace}.${full}.maas.aliyuncs.com/compatible-mode/v1`;
  }
  return wanted === undefined ? Object.values(baseUrls)[0] : baseUrls[wanted];
}
