// Who holds a lease: this process, told apart from a dead one that had the same number.

import { hostname } from "node:os";
import { codeOf } from "../contract/thrown.ts";

export interface LeaseOwner {
  readonly ownerHost: string;
  readonly ownerPid: number;
  /** A container's process is number 1 before and after its restart; only the start time differs. */
  readonly ownerStartedMs: number;
}

export function thisProcess(): LeaseOwner {
  return {
    ownerHost: hostname(),
    ownerPid: process.pid,
    ownerStartedMs: Math.floor(performance.timeOrigin),
  };
}

/** False when in doubt: an owner on another machine, or another process under its number, keeps its lease to the end. */
export function isDead(owner: LeaseOwner, observer: LeaseOwner): boolean {
  if (owner.ownerHost !== observer.ownerHost) return false;
  if (owner.ownerPid === observer.ownerPid) return owner.ownerStartedMs !== observer.ownerStartedMs;
  return !isRunning(owner.ownerPid);
}

/** Whether there is such a process on this machine. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return codeOf(error) !== "ESRCH";
  }
}
