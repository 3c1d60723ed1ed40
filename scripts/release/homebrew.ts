// The formula of Homebrew: where the archives are, what they have to weigh up to, and the service.

import type { Target } from "./targets.ts";

export interface BrewedArchive {
  readonly target: Target;
  readonly fileName: string;
  readonly sha256: string;
}

export interface Formula {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  /** Owner and name at GitHub. */
  readonly repository: string;
  /** Those of other systems are passed over. */
  readonly archives: readonly BrewedArchive[];
}

/** Ruby, to be put as `Formula/qwen-gateway.rb` into a tap. */
export function writeFormula({ version, description, license, repository, archives }: Formula): string {
  const home = `https://github.com/${repository}`;
  const source = (cpu: string, { fileName, sha256 }: BrewedArchive): string => `    on_${cpu} do
      url "${home}/releases/download/v${version}/${fileName}"
      sha256 "${sha256}"
    end`;
  const systems = (["macos", "linux"] as const).flatMap((os) => {
    const sources = archives.flatMap((archive) =>
      archive.target.homebrew?.os === os ? [source(archive.target.homebrew.cpu, archive)] : [],
    );
    return sources.length === 0 ? [] : [`  on_${os} do\n${sources.join("\n")}\n  end\n`];
  });
  if (systems.length === 0) throw new Error("Cannot write the formula: none of the targets is one of Homebrew");
  return `# Written by scripts/release.ts: not to be edited.
class QwenGateway < Formula
  desc "${description}"
  homepage "${home}"
  version "${version}"
  license "${license}"

${systems.join("\n")}
  def install
    bin.install "qwen-gateway"
    doc.install "THIRD_PARTY_LICENSES", "README.md"
  end

  service do
    run [opt_bin/"qwen-gateway"]
    keep_alive true
    environment_variables DATA_DIR: var/"qwen-gateway"
    log_path var/"log/qwen-gateway.log"
    error_log_path var/"log/qwen-gateway.log"
  end

  test do
    assert_equal "${version}", shell_output("#{bin}/qwen-gateway --version").strip
  end
end
`;
}
