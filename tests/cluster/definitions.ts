import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readManifests } from "../unit/manifests.kustomization.ts";
import { admin, objects, plane } from "./real.ts";
import type { ApiObject } from "../harness/api-client.ts";

interface Definition extends ApiObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Installs the definitions (CRDs) that Knative Eventing and Serving publish; resolves when their kinds are served. */
export async function installDefinitions(): Promise<void> {
  const files = plane.binaries.definitions.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => join(folder, name)),
  );
  const definitions = files.flatMap(readManifests);
  for (const definition of definitions) await objects.applied(definition);
  for (const definition of definitions) {
    const path = await objects.pathOf(definition);
    const isServed = async (): Promise<boolean> =>
      (await admin.ask<Definition>({ method: "GET", path })).status?.conditions?.some(
        ({ type, status }) => type === "Established" && status === "True",
      ) === true;
    while (!(await isServed())) await sleep(50);
  }
}
