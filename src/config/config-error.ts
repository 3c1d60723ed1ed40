// Settings that cannot be used. The command line prints the message and ends with exit code 2.

/** Raised before anything has started. Each problem is one sentence that names the setting as the user wrote it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}
