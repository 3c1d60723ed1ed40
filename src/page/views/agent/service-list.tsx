// What the agent can use: services, whether they are connected, and their commands with the risk of each.

import { useRef } from "preact/hooks";
import type { Agent } from "../../agent/agent.ts";
import { type AgentState, workingIn } from "../../agent/agent-state.ts";
import { type Command, countCommands, riskNames, type Service, stateNames } from "../../agent/services.ts";
import { Icon, IconButton } from "../icons.tsx";
import { SideList } from "../side-list.tsx";

export interface ServiceListProps {
  readonly agent: Agent;
  readonly state: AgentState;
  /** Of the chat. */
  readonly sessionId: string | undefined;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onNew: () => void;
}

export function ServiceList({ agent, state, sessionId, isOpen, onClose, onNew }: ServiceListProps) {
  const box = useRef<HTMLElement>(null);
  const { services, error, isListing, access } = state;
  return (
    <SideList label="Services" box={box} tab="agent" sessionId={sessionId} isOpen={isOpen} onClose={onClose}>
      <button type="button" class="new-chat" disabled={workingIn(state) !== undefined} onClick={onNew}>
        <Icon name="plus" /> New task
      </button>
      <div class="services-head">
        <h2>Connected services</h2>
        <IconButton icon="retry" label="Look again" disabled={isListing} onClick={() => void agent.list()} />
      </div>
      {error !== undefined && (
        <p class="notice" role="alert">
          {error}
        </p>
      )}
      {services !== undefined && services.length > 0 && (
        <ul class="services" aria-label="Services">
          {services.map((service) => (
            <ServiceItem key={service.name} service={service} />
          ))}
        </ul>
      )}
      {services === undefined && isListing && <p class="faint empty">Looking for services…</p>}
      {(access === "off" || services?.length === 0) && <p class="faint empty">None is configured.</p>}
    </SideList>
  );
}

function ServiceItem({ service }: { readonly service: Service }) {
  const { name, state, error, commands } = service;
  return (
    <li class="service">
      <details>
        <summary>
          <span class={`state is-${state}`} aria-hidden="true" />
          <span class="ellipsis">{name}</span>
          <span class="faint">{state === "ready" ? countCommands(service) : stateNames[state]}</span>
        </summary>
        <p class="faint">
          {stateNames[state]}
          {error !== undefined && `: ${error}`}
        </p>
        {commands.length > 0 && (
          <ul class="commands" aria-label={`Commands of ${name}`}>
            {commands.map((command) => (
              <CommandItem key={command.name} command={command} />
            ))}
          </ul>
        )}
      </details>
    </li>
  );
}

function CommandItem({ command: { name, description, risk } }: { readonly command: Command }) {
  return (
    <li>
      <span class="command-name">{name}</span> <span class={`risk is-${risk}`}>{riskNames[risk]}</span>
      {description !== "" && <p class="faint">{description}</p>}
    </li>
  );
}
