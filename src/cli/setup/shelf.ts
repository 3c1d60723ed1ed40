// The choices so far, beside what the file has already: each under a name of its own, none twice.

import type { UpstreamSettings } from "../../config/config-schema.ts";
import { addressOf, type Choice } from "./choice.ts";
import type { ConfigFile } from "./config-file.ts";
import { freeName } from "./find-servers.ts";

export interface Shelf {
  readonly choices: readonly Choice[];
  /** A service with another key at the same place joins the first one; at another place it gets a name of its own. */
  add(choice: Choice): void;
  /** In the file or among the choices. */
  hasAddress(address: string): boolean;
  isTaken(name: string): boolean;
}

export function createShelf(file: Pick<ConfigFile, "upstreams">): Shelf {
  let choices: readonly Choice[] = [];

  function addressOfName(name: string): string | undefined {
    const chosen = choices.find(({ settings }) => settings.name === name);
    if (chosen !== undefined) return addressOf(chosen.settings);
    return file.upstreams.find((upstream) => upstream.name === name)?.baseUrl;
  }

  const isTaken = (name: string): boolean => name === "qwen-web" || addressOfName(name) !== undefined;

  function named(settings: UpstreamSettings): UpstreamSettings {
    const { name, plan, region } = settings;
    const address = addressOfName(name);
    const isService = settings.dialect !== undefined && name === settings.dialect.replace(/-plans$/, "");
    if (!isService || address === undefined || address === addressOf(settings)) return settings;
    return {
      ...settings,
      name: freeName([name, plan, region].filter((word) => word !== undefined).join("-"), isTaken),
    };
  }

  return {
    get choices() {
      return choices;
    },
    add(choice) {
      const settings = named(choice.settings);
      const known = choices.find((other) => other.settings.name === settings.name);
      if (known === undefined) {
        choices = [...choices, { ...choice, settings }];
        return;
      }
      const keys = new Set([...(known.settings.api_keys ?? []), ...(settings.api_keys ?? [])]);
      const joined = { ...known, settings: { ...known.settings, api_keys: [...keys] } };
      choices = choices.map((other) => (other === known ? joined : other));
    },
    hasAddress: (address) =>
      choices.some(({ settings }) => addressOf(settings) === address) ||
      file.upstreams.some(({ baseUrl }) => baseUrl === address),
    isTaken,
  };
}
