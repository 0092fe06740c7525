import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClusterFailure } from "../../../lib/cluster/cluster.ts";
import type { PodLife } from "../../../lib/outcome.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { type ContactHealth, healthOfContact } from "../../../lib/reconcile/contact-health.ts";
import { podOf } from "../../harness/networks.ts";
import { addressOf, away, contact, member, MoveWorld, NETWORK, OTHER } from "./fixtures.ts";

const leaving = member("b", { deleting: true });
const heir = podOf(OTHER, "e", { address: addressOf("b") });
const younger: PodLife = { uid: "uid-c", namespace: "default", name: "c" };

const worldWith = (...pods: readonly Pod[]): MoveWorld => {
  const world = new MoveWorld();
  world.cluster.pods = pods;
  return world;
};

/** What has become of the contact b, as its pod is listed. */
const asked = ({ deps }: MoveWorld, pod: Pod, taker?: PodLife): Promise<ContactHealth | ClusterFailure> =>
  healthOfContact(
    deps,
    { contact: contact("b"), pod },
    { network: NETWORK, taker, silentMs: 0, mayBeFresh: true },
  );

describe("a contact whose pod is being deleted", () => {
  const cases: readonly (readonly [string, Pod, readonly Pod[], PodLife | undefined, string])[] = [
    ["is a member as long as nobody else has its address", leaving, [], undefined, "living nobody"],
    [
      "may have ended where another pod has its address: who answers?",
      leaving,
      [heir],
      undefined,
      "shared e",
    ],
    ["is not asked about where it stays", member("b"), [heir], undefined, "living nobody"],
    ["is not asked about where a younger contact has its address", leaving, [heir], younger, "shared c"],
  ];
  for (const [rule, pod, others, taker, expected] of cases)
    test(rule, async () => {
      const found = await asked(worldWith(pod, ...others), pod, taker);
      assert.ok(found.tag === "health");
      assert.equal(`${found.health} ${found.taker?.name ?? "nobody"}`, expected);
    });

  test("cannot be told while the API server is away", async () => {
    const world = worldWith(leaving);
    const cluster = { ...world.deps.cluster, listPods: away };
    const found = await healthOfContact(
      { ...world.deps, cluster },
      { contact: contact("b"), pod: leaving },
      { network: NETWORK, taker: undefined, silentMs: 0, mayBeFresh: true },
    );
    assert.equal(found.tag, "failed");
  });
});

test("a contact is asked for by name where a younger one has its address: the list does not tell which is there", async () => {
  const world = worldWith(member("b"));
  world.now = [];
  const found = await asked(world, member("b"), younger);
  assert.equal(found.tag === "health" && found.health, "replaced");
});
