// The settings of a store that several gateways share.

import { Type } from "typebox";

/** What new turns get while the shared store is away. */
const storeDownPolicies = ["refuse", "stateless"] as const;

export const storeSettings = {
  storeUrl: Type.Optional(
    Type.String({
      description:
        "Redis or Valkey server that several gateways share, with its credentials. Needs MASTER_KEY. Default: a file in DATA_DIR",
      pattern:
        "^(redis|rediss|valkey)://([!-.0-?A-~]*@)?([A-Za-z0-9._-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?(/[0-9]{1,4})?$",
      writeOnly: true,
      allowed: "an address such as redis://user:password@store.example.com:6379/0, rediss:// or valkey://",
    }),
  ),
  storeDown: Type.Enum(storeDownPolicies, {
    description:
      "While the shared store cannot be reached: refuse new turns of conversations (503), or answer them without remembering (stateless)",
    default: "refuse",
  }),
};
