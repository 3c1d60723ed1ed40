// How the gateway is: whether it may take requests, and what stands in their way. Asks the store at most once a second
// and the upstreams never.

import { settledWithin } from "../../contract/settled-within.ts";
import type { AccountView } from "../../contract/upstream.ts";
import type { CircuitState } from "../../gateway/candidates/circuit.ts";
import type { StorageTrouble } from "../../store/storage-trouble.ts";
import type { Store } from "../../store/store.ts";
import type { Descriptors } from "../../telemetry/descriptors.ts";
import type { Reachability } from "../../telemetry/watch-upstream.ts";

export interface ChatStoreState {
  readonly state: "unused" | "ok" | "failed";
  /** Why it failed, for the owner of the gateway. */
  readonly reason?: string;
}

export interface DiagnosisSource {
  readonly store: Pick<Store, "listSessions" | "unreachable">;
  /** Turns go on while a store on another machine is away. @defaultValue false */
  readonly servesWithoutStore?: boolean;
  /** Writes something that changes nothing, so that `storageTrouble` tells the present. Never rejects. */
  probe(): Promise<void>;
  /** Why nothing can be kept; undefined where it can. */
  storageTrouble(): StorageTrouble | undefined;
  /** The database of what was said, which is opened when it is first needed. */
  chatStore(): ChatStoreState;
  /** Size of the database on the disk; undefined when it is elsewhere. */
  storeBytes(): number | undefined;
  upstreams(): readonly {
    readonly name: string;
    readonly reachability: Reachability;
    /** Whether it is passed over where another one can serve. */
    readonly breaker: CircuitState;
    readonly accounts: readonly AccountView[];
  }[];
  /** Undefined where nothing bounds them. */
  upstreamRequests(): { readonly inFlight: number; readonly max: number } | undefined;
  descriptors(): Descriptors | undefined;
  /** Replies that may run at a time; undefined: any number. */
  readonly maxReplies: number | undefined;
  /** Whether exchanges that should be kept cannot be. @defaultValue none are to be kept */
  isHistoryFailing?(): boolean;
}

/** Words for machines. The first two mean: no requests, please. */
export type Reason =
  | "stopping"
  | "store-failed"
  | "store-away"
  | "store-not-writable"
  | "chat-store-failed"
  | "no-account-ready"
  | "upstream-failing"
  | "replies-at-limit"
  | "history-failed";

const unready: ReadonlySet<Reason> = new Set(["stopping", "store-failed"]);

export interface Diagnosis {
  readonly status: "ok" | "degraded" | "not-ready";
  readonly reasons: readonly Reason[];
}

export type Diagnose = (facts: { readonly isStopping: boolean; readonly openReplies: number }) => Promise<Diagnosis>;

const storeCheckMs = 1000;
const freshMs = 1000;

export function createDiagnose(source: DiagnosisSource): Diagnose {
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let storeCheck: Promise<boolean> = Promise.resolve(true);

  function isStoreOk(): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - checkedAtMs >= freshMs) {
      checkedAtMs = nowMs;
      storeCheck = answersInTime(checkStore(), storeCheckMs);
    }
    return storeCheck;
  }

  /** What cannot be written is noted by the store itself; that it can be read is what requests need. */
  async function checkStore(): Promise<void> {
    await source.store.listSessions("health", 1);
    await source.probe();
  }

  return async ({ isStopping, openReplies }) => {
    const reasons: Reason[] = [];
    if (isStopping) reasons.push("stopping");
    // The store is being closed while the gateway stops: it is not asked any more.
    else if (!(await isStoreOk())) reasons.push(source.servesWithoutStore === true ? "store-away" : "store-failed");
    if (!isStopping && source.storageTrouble() !== undefined) reasons.push("store-not-writable");
    if (!isStopping && source.chatStore().state === "failed") reasons.push("chat-store-failed");
    const upstreams = source.upstreams();
    if (upstreams.length > 0 && upstreams.every(({ accounts }) => hasNoneReady(accounts))) {
      reasons.push("no-account-ready");
    }
    if (upstreams.some(({ reachability }) => reachability.state === "failing")) {
      reasons.push("upstream-failing");
    }
    if (source.maxReplies !== undefined && openReplies >= source.maxReplies) reasons.push("replies-at-limit");
    if (source.isHistoryFailing?.() === true) reasons.push("history-failed");
    return { status: statusOf(reasons), reasons };
  };
}

function statusOf(reasons: readonly Reason[]): Diagnosis["status"] {
  if (reasons.length === 0) return "ok";
  return reasons.some((reason) => unready.has(reason)) ? "not-ready" : "degraded";
}

/** An upstream without accounts needs none. */
function hasNoneReady(accounts: readonly AccountView[]): boolean {
  return accounts.length > 0 && accounts.every(({ state }) => state !== "ready");
}

async function answersInTime(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  try {
    return await settledWithin(work, limitMs);
  } catch {
    // Why it fails stands in the log of those who needed it.
    return false;
  }
}
