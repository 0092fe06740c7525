import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { ZodType } from "zod";
import { networksOf, reportOf } from "../../functions/cli/pods.ts";
import { replyTo } from "../../functions/http/reply.ts";
import { readsOf } from "../../functions/status/reads.ts";
import { schemas } from "../../functions/status/schemas.ts";
import { createStatusReader } from "../../functions/status/status.ts";
import { readWhy } from "../../functions/status/why.ts";
import { exampleNetworks } from "../harness/example-networks.ts";
import { START, type World } from "../harness/networks.ts";

/** An answer as a program gets it, read by its schema; a key that the schema does not know is an error too. */
const isAsPromised = (schema: ZodType, json: string | undefined): void => {
  const { error } = schema.safeParse(JSON.parse(json ?? "null"));
  assert.equal(error?.message, undefined);
};

const answersOf = (world: World): ReturnType<typeof readsOf> =>
  readsOf({ status: createStatusReader(world), why: (pod) => readWhy(world, pod) });

const page = readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");

/** The example below each heading of docs/json.md. */
const examples = new Map(
  [...page.matchAll(/schemas\/([\w-]+)\.json[^]*?```json\n([^]*?)```/gu)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);

describe("what is answered in JSON is what docs/schemas says", () => {
  test("of all networks, and while the API server is away", async () => {
    const world = await exampleNetworks();
    const { networks } = answersOf(world);
    isAsPromised(schemas.networks, (await networks()).body);
    world.cluster.failure = { kind: "forbidden", message: "pods is forbidden" };
    isAsPromised(schemas.networks, (await networks()).body);
  });

  test("of each pod, whatever keeps it out, and while the API server is away", async () => {
    const world = await exampleNetworks();
    const { why } = answersOf(world);
    for (const pod of world.cluster.pods) isAsPromised(schemas.why, (await why(pod)).body);
    world.cluster.failure = { kind: "unavailable", message: "connection refused" };
    for (const pod of world.cluster.pods) isAsPromised(schemas.why, (await why(pod)).body);
  });

  test("of every outcome that is told by an event", () => {
    const about = { message: "told", network: "shop/orders", pod: { namespace: "shop", name: "orders-0" } };
    const outcomes = [
      { ...about, name: "founded", reason: "Founded", generation: 0 },
      { ...about, name: "joined", reason: "Joined", via: "orders-1", generation: 2 },
      { ...about, name: "reformed", reason: "Reformed", generation: 3 },
      { ...about, name: "left", reason: "LabelRemoved" },
      { name: "refused", reason: "NoNetwork", message: "told", network: "nowhere" },
    ] as const;
    for (const outcome of outcomes) isAsPromised(schemas.event, replyTo(outcome).body);
  });

  test("of the command line by the kubeconfig alone", async () => {
    const { pods } = (await exampleNetworks()).cluster;
    const at = new Date(START).toISOString();
    const networks = networksOf(pods, START);
    assert.ok(networks.length > 5);
    isAsPromised(schemas["cli-networks"], JSON.stringify({ at, networks }));
    for (const pod of pods) {
      isAsPromised(schemas["cli-why"], JSON.stringify({ at, ...reportOf(pod, START), events: [] }));
    }
  });

  test("and a key too many or too few is found out", () => {
    const { success } = schemas["cli-check"].safeParse({
      at: new Date().toISOString(),
      results: [],
      more: 1,
    });
    assert.ok(!success);
    assert.ok(!schemas.networks.safeParse({ networks: [] }).success);
  });
});

test("docs/json.md has an example of each, which is right", () => {
  assert.deepEqual([...examples.keys()].toSorted(), Object.keys(schemas).toSorted());
  for (const [name, text] of examples) isAsPromised(schemas[name as keyof typeof schemas], text);
});
