// POST /admin/api/backup: the databases of a running gateway in one file, as a stream. Its keys leave the machine by the command
// `backup` alone: whoever looks after a gateway sees none of its secrets.

import { Type } from "typebox";
import { NothingToBackUp } from "../../backup/backup-error.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { anyObject, jsonBody, refusal } from "../openapi/operation.ts";
import { toStorageError } from "../../store/storage-trouble.ts";
import type { AdminParts } from "./admin-parts.ts";
import type { AdminCall, AdminRoute } from "./admin-route.ts";

export function backupRoutes({ backups, edge }: AdminParts): readonly AdminRoute[] {
  return [
    {
      operation: {
        method: "POST",
        path: "/admin/api/backup",
        tag: "admin",
        summary: "The databases as of now in one file, without the keys that credentials are encrypted with",
        body: jsonBody(anyObject, {}),
        answers: {
          200: {
            description: "A tar archive, which the command `restore` takes",
            content: { "application/x-tar": Type.String({ format: "binary" }) },
          },
          503: refusal("Another one is under way, or the disk is full"),
        },
      },
      async answer(call) {
        const { request } = call.trip;
        // Until the copies are made nothing is sent.
        edge.keepOpen(request);
        const { manifest, bytes } = await open(call);
        call.changed("a backup was sent", { files: manifest.files.map(({ name }) => name).join(", ") });
        const name = `qwen-gateway-${manifest.createdAt.replace(/[:.]/g, "-")}.tar`;
        return new Response(bytes, {
          headers: {
            "content-type": "application/x-tar",
            "content-disposition": `attachment; filename="${name}"`,
            "x-content-type-options": "nosniff",
          },
        });
      },
    },
  ];

  async function open({ trip: { request } }: AdminCall) {
    try {
      return await backups.open(AbortSignal.any([request.signal, edge.stopping]));
    } catch (cause) {
      if (cause instanceof GatewayError && cause.kind !== "internal") throw cause;
      if (cause instanceof NothingToBackUp) {
        const reason = "Cannot back up: nothing is kept in this gateway's own directory yet";
        throw new GatewayError("invalid-request", reason, { cause });
      }
      const ofDisk = toStorageError(cause);
      if (ofDisk !== undefined) throw ofDisk;
      // The sentence of the cause names a path of this machine.
      throw new GatewayError("internal", "Cannot back up: the gateway's log says why", { cause });
    }
  }
}
