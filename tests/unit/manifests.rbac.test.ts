import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { at, combinations, find } from "./manifests.combinations.ts";
import type { Manifest } from "./manifests.kustomization.ts";

const rulesSchema = z.array(
  z.strictObject({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    verbs: z.array(z.string()),
  }),
);

/** Each right as `verb group/resource`. */
const rightsOf = (role: Manifest): Set<string> =>
  new Set(
    rulesSchema
      .parse(role["rules"])
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
        ),
      ),
  );

/** What each call of the port needs at the API server. */
const needs: Readonly<Record<keyof Cluster, string>> = {
  listPods: "list /pods",
  getPod: "get /pods",
  setCondition: "patch /pods/status",
  recordEvent: "create /events",
};

for (const { title, option, manifests } of combinations()) {
  describe(`the rights in ${title}`, () => {
    const kind = option === "one-namespace" ? "Role" : "ClusterRole";

    test("are for the function what the calls of its port need, and nothing more", () => {
      assert.deepEqual(rightsOf(find(manifests, kind, "klight")), new Set(Object.values(needs)));
    });

    test("are for the source to see pods, and nothing more", () => {
      const rights = new Set(["get /pods", "list /pods", "watch /pods"]);
      assert.deepEqual(rightsOf(find(manifests, kind, "klight-source")), rights);
    });

    test("reach no further than the bindings say", () => {
      const roles = manifests.filter((m) => m.kind === "Role" || m.kind === "ClusterRole");
      const bindings = manifests.filter((m) => m.kind.endsWith("Binding"));
      assert.deepEqual(new Set(roles.map((m) => m.kind)), new Set([kind]));
      assert.deepEqual(
        new Set(bindings.map((m) => `${m.kind} of ${String(at(m, "roleRef", "kind"))}`)),
        new Set([`${kind}Binding of ${kind}`]),
      );
    });
  });
}
