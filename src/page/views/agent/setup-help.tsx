// How the agent gets something to act on, where it has nothing.

import { JsonBox } from "./json-box.tsx";

const command = "qwen-gateway mcp add files -- npx -y @modelcontextprotocol/server-filesystem FOLDER";
const servers = {
  mcpServers: {
    files: { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "FOLDER"] },
  },
};

export function SetupHelp() {
  return (
    <div class="agent-setup">
      <h2>No tool server is configured</h2>
      <p>
        The agent acts through tool servers (MCP), and this gateway has none. Any server that other clients use will do.
        Where the gateway runs:
      </p>
      <ol>
        <li>
          Add one, such as this for the files of a folder:
          <JsonBox label="A command that adds a tool server" value={command} />
          Or write it into a JSON file, or take the file of another client, and name it in the setting{" "}
          <code>MCP_CONFIG</code>:
          <JsonBox label="A file with one tool server" value={servers} />
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
