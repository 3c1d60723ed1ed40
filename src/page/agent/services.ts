// The tool servers behind the agent, as the page shows them.

export type ServiceState = "idle" | "connecting" | "ready" | "failed" | "unsigned" | "disabled";
export type Risk = "read" | "write" | "destructive" | "denied";

export interface Command {
  readonly name: string;
  readonly description: string;
  readonly risk: Risk;
}

export interface Service {
  readonly name: string;
  readonly state: ServiceState;
  /** Why it failed. */
  readonly error: string | undefined;
  readonly commands: readonly Command[];
}

export const stateNames: Readonly<Record<ServiceState, string>> = {
  idle: "Not connected yet",
  connecting: "Connecting",
  ready: "Connected",
  failed: "Failed",
  unsigned: "Needs a sign-in",
  disabled: "Switched off",
};

export const riskNames: Readonly<Record<Risk, string>> = {
  read: "reads",
  write: "changes",
  destructive: "destructive",
  denied: "not allowed",
};

/** `3 commands`, `1 command`. */
export function countCommands({ commands }: Service): string {
  return `${commands.length} command${commands.length === 1 ? "" : "s"}`;
}
