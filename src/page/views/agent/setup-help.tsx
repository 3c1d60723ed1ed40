// How the agent gets something to act on, where it has nothing.

import { JsonBox } from "./json-box.tsx";

const sample = {
  mcpServers: {
    files: { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "FOLDER"] },
  },
};

export function SetupHelp() {
  return (
    <div class="agent-setup">
      <h2>No tool server is configured</h2>
      <p>
        The agent acts through tool servers (MCP), and this gateway has none. Any server that other clients use will do,
        in the form in which they write it:
      </p>
      <ol>
        <li>
          Write a JSON file, or take the one of another client:
          <JsonBox label="A file with one tool server" value={sample} />
        </li>
        <li>
          Name it in the setting <code>MCP_CONFIG</code>.
        </li>
        <li>
          Start the gateway anew, and reload this page. A gateway without keys prints a token at that start, which this
          page then asks for.
        </li>
      </ol>
      <p class="faint">
        More of it in <code>docs/mcp.md</code>.
      </p>
    </div>
  );
}
