import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Settings } from "../../../lib/deps.ts";
import type { Probe } from "../../../lib/peers/lightpeer.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { observe } from "../../../lib/reconcile/observe.ts";
import type { Observation } from "../../../lib/reconcile/observation.ts";
import type { Target } from "../../../lib/reconcile/plan.ts";
import type { NetworkRecord } from "../../../lib/store/contacts.ts";
import { START } from "../../harness/networks.ts";
import {
  addressNamed,
  contactNamed,
  joinedAs,
  NETWORK,
  type PeerAnswers,
  podNamed,
  recordOf,
  scriptedDeps,
} from "../../harness/step-facts.ts";

interface Given {
  readonly pods?: readonly Pod[];
  /** What a GET shows where it differs from the list. */
  readonly now?: readonly Pod[];
  readonly peers?: PeerAnswers;
  readonly record?: Partial<NetworkRecord>;
  readonly target?: Partial<Target>;
  readonly settings?: Partial<Settings>;
}

interface Looked {
  readonly seen: Observation | undefined;
  /** The outcome of a look that stops the step. */
  readonly stopped: string | undefined;
  /** How long it took, ms. */
  readonly ms: number;
  /** Names of the pods that were asked for by name. */
  readonly asked: readonly string[];
}

const stackOf = (...names: readonly string[]): NetworkRecord["stack"] =>
  names.map((name) => contactNamed(name));
const pods = (...names: readonly string[]): readonly Pod[] => names.map((name) => podNamed(name));

async function looks({
  pods: listed = pods("a", "b"),
  now = listed,
  peers,
  record,
  target,
  settings,
}: Given): Promise<Looked> {
  const script = scriptedDeps(peers, settings);
  script.cluster.pods = listed;
  const asked: string[] = [];
  script.cluster.getPod = ({ name }) => {
    asked.push(name);
    return Promise.resolve({ tag: "pod", pod: now.find((pod) => pod.name === name) });
  };
  const look = await observe(
    script.deps,
    { network: NETWORK, ...target },
    recordOf({ stack: stackOf("b", "a"), ...record }),
  );
  const stopped = look.tag === "stop" ? look.outcome.reason : undefined;
  return { seen: look.seen, stopped, ms: script.clock.now() - START, asked };
}

const names = (contacts: readonly { readonly name: string }[] = []): string =>
  contacts.map(({ name }) => name).join(" ");
const memberNames = ({ seen }: Looked): string => names(seen?.members.map(({ contact }) => contact));
const QUIET_MS = 1_200;
const refused = (...which: readonly string[]): PeerAnswers => ({
  probe: Object.fromEntries(which.map((name) => [name, "refused"])),
});

describe("a look at a network", () => {
  test("finds its members, oldest first, and asks for nobody by name who is listed as it was", async () => {
    const look = await looks({});
    assert.deepEqual([memberNames(look), look.ms, look.asked], ["a b", 0, []]);
    assert.equal(look.seen?.restored, false);
  });

  test("waits first until the last known death is waited out", async () => {
    assert.equal((await looks({ record: { quietMs: 700 } })).ms, 700);
  });

  test("proves a death at the API server, and waits until the others have cleaned up", async () => {
    const look = await looks({ pods: pods("a"), peers: refused("b") });
    assert.deepEqual([names(look.seen?.dead), memberNames(look), look.ms], ["b", "a", QUIET_MS]);
    assert.deepEqual(look.asked, ["b"]);
  });

  test("does not wait where nobody is left who cleans up", async () => {
    const look = await looks({ pods: [], peers: refused("a", "b") });
    assert.deepEqual([names(look.seen?.dead).split(" ").sort().join(" "), look.ms], ["a b", 0]);
  });

  test("a member that refuses while its pod runs is not dead: it is looked at again, and then unreachable", async () => {
    const look = await looks({ peers: refused("b") });
    assert.deepEqual(
      [names(look.seen?.dead), names(look.seen?.unreachable), look.seen?.unreachableMs],
      ["", "b", 0],
    );
    assert.ok(look.ms > 0 && look.ms <= 2 * QUIET_MS);
  });

  test("it is as long unreachable as the store has known it", async () => {
    const { incarnation } = contactNamed("b");
    const look = await looks({ peers: refused("b"), record: { hung: { [incarnation]: 31_000 } } });
    assert.equal(look.seen?.unreachableMs, 31_000);
  });

  test("a list that is behind kills nobody: the pod is asked for by name", async () => {
    const look = await looks({ pods: pods("a"), now: pods("a", "b") });
    assert.deepEqual([memberNames(look), look.asked], ["a b", ["b"]]);
  });

  test("nor does a list that shows another life, or another address", async () => {
    const stale = podNamed("b", { incarnation: "containerd://old" });
    assert.equal(memberNames(await looks({ pods: [podNamed("a"), stale], now: pods("a", "b") })), "a b");
    const elsewhere = podNamed("b", { address: "10.9.9.9:9081" });
    assert.equal(memberNames(await looks({ pods: [podNamed("a"), elsewhere], now: pods("a", "b") })), "a b");
  });

  test("a restarted container is another life: whoever answers at the address is somebody else", async () => {
    const look = await looks({ pods: [podNamed("a"), podNamed("b", { incarnation: "containerd://2" })] });
    assert.equal(names(look.seen?.replaced), "b");
  });

  test("a pod that has ended is gone, whoever answers at its address", async () => {
    const look = await looks({ pods: [podNamed("a"), podNamed("b", { finished: true })] });
    assert.deepEqual([names(look.seen?.replaced), memberNames(look)], ["b", "a"]);
  });

  test("a pod of another network now has moved", async () => {
    const away = podNamed("b", { network: "default/net-b" });
    assert.equal(names((await looks({ pods: [podNamed("a"), away] })).seen?.moved), "b");
  });

  test("two pods that run with one address are both named", async () => {
    const twin = podNamed("b", { address: addressNamed("a") });
    const stack = [contactNamed("b", { address: addressNamed("a") }), contactNamed("a")];
    const look = await looks({ pods: [podNamed("a"), twin], record: { stack } });
    assert.deepEqual(
      look.seen?.shared.map(({ contact, other }) => [contact.name, other.name]),
      [["a", "b"]],
    );
  });

  test("an address that somebody younger has is not its member's any more, when that one is gone", async () => {
    const stack = [contactNamed("b", { address: addressNamed("a") }), contactNamed("a")];
    const look = await looks({ pods: [podNamed("b", { address: addressNamed("a") })], record: { stack } });
    assert.equal(names(look.seen?.replaced), "a");
  });

  test("who hangs is told, and where", async () => {
    const look = await looks({ peers: { probe: { b: "silent" } } });
    assert.deepEqual([names(look.seen?.hung), look.seen?.silent], ["b", [addressNamed("b")]]);
  });

  test("who hung and answers again kept the others from noticing a death: that is waited out once", async () => {
    const look = await looks({ record: { hung: { [contactNamed("b").incarnation]: 4_000 } } });
    assert.deepEqual([memberNames(look), look.ms], ["a b", QUIET_MS]);
  });

  test("who did not answer before and is fresh now is another process", async () => {
    const { incarnation } = contactNamed("b");
    const look = await looks({
      peers: { fresh: { b: "fresh" } },
      record: { hung: { [incarnation]: 4_000 } },
    });
    assert.equal(names(look.seen?.replaced), "b");
  });

  test("likewise who was refused and is fresh now", async () => {
    const look = await looks({ peers: { probe: { b: ["refused", "serving"] }, fresh: { b: "fresh" } } });
    assert.equal(names(look.seen?.replaced), "b");
  });

  test("somebody who is back at a dead contact's address before the others have noticed replaces it", async () => {
    const peers = { probe: { b: ["refused", "serving"] as const } };
    const look = await looks({ pods: pods("a"), peers });
    assert.deepEqual([names(look.seen?.dead), names(look.seen?.replaced)], ["", "b"]);
  });

  test("where nothing can be re-formed it is waited out like a death", async () => {
    const off = { reform: "off" } as const;
    const back = await looks({
      pods: pods("a"),
      peers: { probe: { b: ["refused", "serving"] } },
      settings: off,
    });
    assert.deepEqual([names(back.seen?.dead), names(back.seen?.replaced)], ["b", ""]);
    const other = await looks({ pods: [podNamed("a"), podNamed("b", { finished: true })], settings: off });
    assert.deepEqual([names(other.seen?.dead), names(other.seen?.replaced), other.ms], ["b", "", QUIET_MS]);
  });

  test("a network that goes on losing members, one after each wait, is left for later", async () => {
    const dying = (rounds: number): readonly Probe[] => [...Array<Probe>(rounds).fill("serving"), "refused"];
    const probe = { a: dying(0), b: dying(1), c: dying(2), d: dying(3), e: dying(4), f: dying(9) };
    const left = ["a", "b", "c", "d", "e", "f"].map((name) => podNamed(name));
    const script = scriptedDeps({ probe });
    script.cluster.pods = left;
    const gone = async (address: string, ms: number): Promise<Probe> => {
      const said = await script.deps.lightpeer.probe(address, ms);
      if (said === "refused")
        script.cluster.pods = script.cluster.pods.filter((pod) => pod.address !== address);
      return said;
    };
    const deps = { ...script.deps, lightpeer: { ...script.deps.lightpeer, probe: gone } };
    const record = recordOf({ stack: stackOf("f", "e", "d", "c", "b", "a") });
    const look = await observe(deps, { network: NETWORK }, record);
    assert.ok(look.tag === "stop");
    assert.equal(look.outcome.reason, "NotQuiet");
    assert.equal(names(look.seen?.dead), "a b c d e");
  });

  test("what peers may be waiting for is known: the network's own, and what a joiner brings along, but not who has stirred", async () => {
    const target: Partial<Target> = {
      stirred: ["y:1"],
      from: { network: "default/net-b", incarnation: "i", carry: true, waitedFor: ["z:1"], others: [] },
    };
    const look = await looks({ record: { waitedFor: { "x:1": 5_000, "y:1": 5_000 } }, target });
    assert.deepEqual(look.seen?.waitedFor, ["x:1", "z:1"]);
    assert.equal(look.seen?.stirred, true);
    assert.equal((await looks({})).seen?.stirred, false);
  });

  test("tells how old it is: the pods by its beginning, the probes by its end", async () => {
    const { seen } = await looks({ pods: pods("a"), peers: refused("b") });
    assert.deepEqual(seen?.looked, { from: START + QUIET_MS, to: START + QUIET_MS });
  });
});

describe("a joiner", () => {
  const joiner = podNamed("d");

  test("is looked at as it is now, whatever its event showed", async () => {
    const look = await looks({
      pods: [...pods("a", "b"), podNamed("d", { address: "10.8.8.8:9081" })],
      target: { joiner },
    });
    assert.equal(look.seen?.joiner?.pod.address, "10.8.8.8:9081");
    assert.equal(look.seen?.joiner?.probe, "serving");
  });

  test("is probed with the members", async () => {
    const look = await looks({
      pods: pods("a", "b", "d"),
      target: { joiner },
      peers: { probe: { d: "silent" } },
    });
    assert.equal(look.seen?.joiner?.probe, "silent");
  });

  const stops: readonly (readonly [string, readonly Pod[], string])[] = [
    ["that is gone stops the step", pods("a", "b"), "PodGone"],
    [
      "of another uid stops it, too: that is another pod of its name",
      [...pods("a", "b"), podNamed("d", { uid: "other" })],
      "PodGone",
    ],
    [
      "with another label stops it",
      [...pods("a", "b"), podNamed("d", { network: "default/net-b" })],
      "PodGone",
    ],
    [
      "that may not be joined now stops it, with that reason",
      [
        ...pods("a", "b"),
        podNamed("d", { admission: { tag: "ignored", reason: "ContainerNotReady", message: "" } }),
      ],
      "ContainerNotReady",
    ],
  ];
  for (const [rule, listed, reason] of stops) {
    test(rule, async () => {
      assert.equal((await looks({ pods: listed, target: { joiner } })).stopped, reason);
    });
  }

  test("that a list does not show yet is asked for by name", async () => {
    const look = await looks({ pods: pods("a", "b"), now: pods("a", "b", "d"), target: { joiner } });
    assert.deepEqual([look.seen?.joiner?.pod.name, look.asked], ["d", ["d"]]);
  });

  test("that comes from another network is asked for by name: its pod says what it brings along", async () => {
    const from = { network: "default/net-b", incarnation: "i", carry: false, waitedFor: [], others: [] };
    const says = joinedAs("d", { status: "False", was: "default/net-b", carries: "default/net-b" });
    const now = [...pods("a", "b"), podNamed("d", { joined: says })];
    const look = await looks({ pods: pods("a", "b", "d"), now, target: { joiner, from } });
    assert.deepEqual([look.seen?.joiner?.pod.joined, look.asked], [says, ["d"]]);
  });

  test("that the list shows in another life than the stack is asked for by name", async () => {
    const old = podNamed("d", { incarnation: "containerd://old" });
    const record = { stack: stackOf("d", "b", "a") };
    const look = await looks({
      pods: [...pods("a", "b"), old],
      now: pods("a", "b", "d"),
      target: { joiner },
      record,
    });
    assert.equal(look.seen?.joiner?.pod.incarnation, joiner.incarnation);
  });

  test("at the address of a member that is gone is not that member", async () => {
    const there = podNamed("d", { address: addressNamed("b") });
    const look = await looks({
      pods: [
        podNamed("a"),
        {
          ...there,
          admission: {
            tag: "peer",
            peer: { ...contactNamed("d"), network: NETWORK, address: addressNamed("b") },
          },
        },
      ],
      target: { joiner: there },
    });
    assert.equal(names(look.seen?.replaced), "b");
  });
});

describe("a store that has lost a stack", () => {
  const lost = { stack: [] } as const;
  const saying = (name: string, changes: Partial<Pod> = {}): Pod =>
    podNamed(name, { joined: joinedAs(name), ...changes });

  test("is put together again from what pods say of themselves", async () => {
    const look = await looks({ pods: [saying("a"), saying("b")], record: lost });
    assert.deepEqual([memberNames(look).split(" ").sort().join(" "), look.seen?.restored], ["a b", true]);
  });

  test("by what each says when it is asked for by name: a list can be behind", async () => {
    const elsewhere = podNamed("b", { joined: joinedAs("b", { network: "default/net-b" }) });
    const { address: _, ...nowhere } = saying("c");
    const now = [saying("a", { joined: joinedAs("a", { address: "x:1", via: "b" }) }), elsewhere, nowhere];
    const listed = ["a", "b", "c", "e"].map((name) => saying(name));
    const look = await looks({ pods: listed, now, record: lost });
    assert.equal(memberNames(look), "");
    const [was] = look.seen?.readdressed ?? [];
    assert.deepEqual([was?.name, was?.address, was?.via], ["a", "x:1", "b"]);
    assert.deepEqual([look.seen?.moved, look.seen?.dead], [[], []], "nobody else is a contact");
  });

  test("not while they cannot be asked for", async () => {
    const script = scriptedDeps();
    script.cluster.pods = [saying("a")];
    script.cluster.getPod = () => Promise.resolve({ tag: "failed", kind: "unavailable", message: "away" });
    const look = await observe(script.deps, { network: NETWORK }, recordOf(lost));
    assert.equal(look.tag === "stop" && look.outcome.reason, "ClusterUnavailable");
  });

  test("not from those who say that they are out, of another life or network, have ended, or are the joiner", async () => {
    const listed = [
      saying("a", { joined: joinedAs("a", { status: "False", reason: "LeftOut" }) }),
      saying("b", { joined: joinedAs("b", { incarnation: "containerd://old" }) }),
      saying("c", { joined: joinedAs("c", { network: "default/net-b" }) }),
      saying("e", { finished: true }),
      saying("d"),
    ];
    const look = await looks({ pods: listed, record: lost, target: { joiner: podNamed("d") } });
    assert.deepEqual([memberNames(look), look.seen?.restored], ["", false]);
  });

  test("of a network that has nobody is just empty", async () => {
    const look = await looks({ pods: [], record: lost });
    assert.deepEqual([memberNames(look), look.seen?.restored], ["", false]);
  });

  test("so is one whose contacts are all gone while other pods say that they are members: nobody founds beside them", async () => {
    const look = await looks({ pods: [saying("c")], now: [saying("c")], peers: refused("a", "b") });
    assert.deepEqual([memberNames(look), look.seen?.restored], ["c", true]);
  });
});

test("an API server that cannot be asked holds the step: it never means that there are no pods", async () => {
  const script = scriptedDeps();
  script.cluster.failure = { kind: "unavailable", message: "away" };
  const look = await observe(script.deps, { network: NETWORK }, recordOf({ stack: stackOf("a") }));
  assert.ok(look.tag === "stop");
  assert.equal(look.outcome.reason, "ClusterUnavailable");
});

test("nor does one that answers the list and not the question for a pod", async () => {
  const script = scriptedDeps(refused("a"));
  script.cluster.getPod = () => Promise.resolve({ tag: "failed", kind: "forbidden", message: "no" });
  const look = await observe(script.deps, { network: NETWORK }, recordOf({ stack: stackOf("a") }));
  assert.ok(look.tag === "stop");
  assert.equal(look.outcome.reason, "ClusterForbidden");
});
