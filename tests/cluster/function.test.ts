import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { schemas } from "../../functions/status/schemas.ts";
import { readPod, joinedInThisLife } from "../../lib/pod/pod.ts";
import { plainRules } from "../contract/cluster-world.ts";
import type { ApiObject } from "../harness/api-client.ts";
import { type CommandEnded, runCommand } from "../harness/command-line.ts";
import { auditOf } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { accountFiles, admin, makeNamespace, plane, tokenOf, unique } from "./real.ts";
import { type RealPod, type RealStage, startRealStage } from "./stage.ts";

/** What pages of the docs say, to be held against what was done. */
const page = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const KLIGHT = "system:serviceaccount:klight:klight";

let stage: RealStage;
before(async () => {
  stage = await startRealStage();
});
after(() => stage.close());

interface Joined {
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

async function conditionOf(pod: RealPod): Promise<Joined | undefined> {
  const object = await stage.pods.get(pod);
  return object?.status.conditions?.find(({ type }) => type === "klight.dev/joined");
}

/** The condition is that of the process that runs now. */
async function isInNow(pod: RealPod): Promise<boolean> {
  const reading = readPod(await stage.pods.get(pod), plainRules);
  return reading.tag === "pod" && joinedInThisLife(reading.pod);
}

const isTrue = (condition: Joined | undefined): boolean => condition?.status === "True";

/** Pods of a network that run one after the other, each in before the next one starts. */
async function network(namespace: string, id: string, count: number): Promise<readonly RealPod[]> {
  const pods: RealPod[] = [];
  for (let at = 1; at <= count; at += 1) {
    const pod = await stage.start({ namespace, name: `${id}-${at}`, network: id });
    pods.push(pod);
    const condition = await eventually(() => conditionOf(pod), isTrue);
    assert.equal(condition?.status, "True", JSON.stringify(condition));
  }
  return pods;
}

async function assertWhole(pods: readonly RealPod[]): Promise<void> {
  const found = await stage.whole(pods);
  assert.equal(found.tag, "whole", found.tag === "broken" ? found.reason : "");
}

interface EventObject extends ApiObject {
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly involvedObject: { readonly uid: string; readonly name: string };
}

async function eventsOf(namespace: string): Promise<readonly EventObject[]> {
  const path = `/api/v1/namespaces/${namespace}/events`;
  const { items } = await admin.ask<{ readonly items: readonly EventObject[] }>({ method: "GET", path });
  return items;
}

const namesOf = async (key: string): Promise<readonly string[]> => {
  const status = (await (await fetch(`${stage.url}/networks`)).json()) as {
    readonly networks: readonly {
      readonly network: string;
      readonly members: readonly { readonly name: string }[];
    }[];
  };
  const members = status.networks.find((each) => each.network === key)?.members ?? [];
  return members.map(({ name }) => name).toSorted();
};

describe("the built function on a real API server, with the rights that its manifests give it", () => {
  test("brings pods in by the events of Knative's own adapter, and tells so", async () => {
    const namespace = await makeNamespace(unique("joins"));
    const pods = await network(namespace, "ledger", 3);
    await assertWhole(pods);
    assert.deepEqual(await namesOf(`${namespace}/ledger`), ["ledger-1", "ledger-2", "ledger-3"]);
    const told = await eventually(
      () => eventsOf(namespace),
      ({ length }) => length >= 3,
    );
    assert.deepEqual(
      // On a busy machine a peer may be waited for once, which is a Warning.
      told
        .filter(({ type }) => type === "Normal")
        .map(({ involvedObject, type, reason }) => `${involvedObject.name}: ${type} ${reason}`)
        .toSorted(),
      ["ledger-1: Normal Founded", "ledger-2: Normal Joined", "ledger-3: Normal Joined"],
    );
  });

  test("asks for an event exactly what the README's table says", async () => {
    const namespace = await makeNamespace(unique("calls"));
    const rowOf = (event: string): readonly string[] => {
      const row =
        page("README.md")
          .split("\n")
          .find((line) => line.startsWith(`| ${event}`)) ?? "";
      return (row.split("|")[3] ?? "").split(",").map((right) => right.trim());
    };
    const callsFor = async (name: string): Promise<readonly string[]> => {
      const soFar = (await auditOf(KLIGHT)).length;
      const pod = await stage.start({ namespace, name, network: "counted" });
      assert.ok(isTrue(await eventually(() => conditionOf(pod), isTrue)));
      await eventually(
        () => eventsOf(namespace),
        (events) => events.some((each) => each.involvedObject.name === name),
      );
      // Whoever else has the pod's IP is asked for in all namespaces.
      return (await auditOf(KLIGHT)).slice(soFar).flatMap(({ right, fieldSelector, ...call }) => {
        if (fieldSelector?.startsWith("status.podIP=")) return `${right} by IP`;
        return call.namespace === namespace ? right : [];
      });
    };
    // What is told is told side by side.
    for (const [name, event] of [
      ["counted-1", "that founds a network"],
      ["counted-2", "that joins a peer"],
    ] as const) {
      const calls = Object.groupBy(await callsFor(name), (right) => (right === "get pods" ? "gets" : "rest"));
      assert.deepEqual(calls.rest?.toSorted(), rowOf(event).toSorted());
      // Of a join on a busy machine.
      assert.ok([0, 2].includes(calls.gets?.length ?? 0), `${calls.gets?.length} pods were looked at again`);
    }
    assert.match(page("README.md"), /more than\s100 ms after its list gets both pods once more/u);
  });

  test("takes a pod off that is gone, and brings in a container that has started again", async () => {
    const namespace = await makeNamespace(unique("lives"));
    const [one, two, three] = await network(namespace, "lives", 3);
    assert.ok(one && two && three);
    await stage.remove(two);
    const left = await eventually(
      () => namesOf(`${namespace}/lives`),
      ({ length }) => length === 2,
    );
    assert.deepEqual(left, ["lives-1", "lives-3"]);
    await stage.restart(three, 1_500);
    assert.ok(await eventually(() => isInNow(three), Boolean), JSON.stringify(await conditionOf(three)));
    await assertWhole([one, three]);
  });

  test("shows what it did on the page, in /networks and in /why", async () => {
    const namespace = await makeNamespace(unique("shown"));
    await network(namespace, "shown", 2);
    const html = await (await fetch(`${stage.url}/`, { headers: { accept: "text/html" } })).text();
    assert.ok(html.includes(`${namespace}/shown`));
    const why = await fetch(`${stage.url}/why/${namespace}/shown-2`);
    assert.equal(why.status, 200);
    assert.match(await why.text(), /shown-1/u);
    assert.equal((await fetch(`${stage.url}/why/${namespace}/nobody`)).status, 404);
  });

  test("tells by an operator's kubeconfig alone who is in and why, and re-forms a network", async (context) => {
    const namespace = await makeNamespace(unique("asked"));
    const operator = await accountFiles(plane.adminToken, { namespace });
    context.after(() => operator.remove());
    const klight = (...words: readonly string[]): Promise<CommandEnded> =>
      runCommand([...words, "--kubeconfig", operator.kubeconfig]);
    await network(namespace, "asked", 2);
    const why = await klight("why", "asked-2", "-o", "json");
    const { verdict, via, events } = schemas["cli-why"].parse(JSON.parse(why.out));
    assert.deepEqual([why.code, verdict, via], [0, "in", "asked-1"]);
    assert.ok(events.some(({ reason }) => reason === "Joined"));
    const spec = { nodeName: "node-1", containers: [{ name: "lightpeer", image: "lightpeer" }] };
    const metadata = { name: "waits-1", labels: { "klight.networkId": "waits" } };
    await stage.pods.create({ apiVersion: "v1", kind: "Pod", metadata, spec }, namespace);
    const waits = await klight("why", "waits-1");
    assert.equal(waits.code, 1);
    assert.match(waits.out, /NotRunning/u);
    const { networks } = schemas["cli-networks"].parse(
      JSON.parse((await klight("networks", "-o", "json")).out),
    );
    assert.deepEqual(
      networks.map((each) => [each.network, each.level]),
      [
        [`${namespace}/asked`, "well"],
        [`${namespace}/waits`, "wait"],
      ],
    );
    const reform = await klight("reform", "asked", "-o", "json");
    const { done, reason } = schemas["cli-reform"].parse(JSON.parse(reform.out));
    assert.deepEqual([reform.code, done, reason], [0, true, "ReformDone"]);
  });

  test("is asked in vain by who has no rights: exit code 4, and the right is named", async (context) => {
    const namespace = await makeNamespace(unique("denied"));
    const stranger = await accountFiles(await tokenOf(namespace, "default"), { namespace });
    context.after(() => stranger.remove());
    for (const words of [["why", "a"], ["networks"], ["reform", "a"]]) {
      const { code, err } = await runCommand([...words, "--kubeconfig", stranger.kubeconfig]);
      assert.equal(code, 4, words.join(" "));
      assert.match(err, /not allowed to (?:get|list) pods in namespace/u);
    }
  });

  test("brings in by a sweep what happened while nobody watched", async () => {
    const namespace = await makeNamespace(unique("missed"));
    await stage.stopAdapter();
    const pods: RealPod[] = [];
    for (const name of ["missed-1", "missed-2"])
      pods.push(await stage.start({ namespace, name, network: "missed" }));
    assert.equal((await conditionOf(pods[0] as RealPod))?.status, undefined);
    await stage.sweep();
    const own = (await eventsOf("klight")).filter(({ involvedObject }) => involvedObject.name === "klight");
    assert.deepEqual(
      own.map(({ reason }) => reason),
      ["SweepDone"],
      "klight tells how its sweep ended",
    );
    for (const pod of pods) assert.equal((await conditionOf(pod))?.status, "True", pod.name);
    await assertWhole(pods);
  });

  test("uses every right of its ClusterRole, those that docs/security.md names, and was denied nothing", async () => {
    const calls = await auditOf(KLIGHT);
    assert.deepEqual(
      calls.filter(({ code }) => code === 401 || code === 403),
      [],
    );
    const role = await admin.ask<
      ApiObject & {
        readonly rules: readonly {
          readonly resources: readonly string[];
          readonly verbs: readonly string[];
        }[];
      }
    >({ method: "GET", path: "/apis/rbac.authorization.k8s.io/v1/clusterroles/klight" });
    const rights = role.rules.flatMap(({ resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
    );
    assert.deepEqual([...new Set(calls.map(({ right }) => right))].toSorted(), rights.toSorted());
    assert.match(
      page("docs/security.md"),
      /`get` and `list` pods, `patch` pods\/status, `create` events\. No secrets/u,
    );
    assert.deepEqual(rights.toSorted(), ["create events", "get pods", "list pods", "patch pods/status"]);
  });
});
