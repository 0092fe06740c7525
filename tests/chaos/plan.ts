import fc from "fast-check";
import type { Fault as ApiFault } from "../harness/api-server/faults.ts";
import type { Wall } from "../harness/lightpeer/tcp-front.ts";

/** What goes wrong, in whom, for how long; ms. Numbers of networks, pods and instances count around those there are. */
export type Fault =
  | { readonly kind: "function-killed"; readonly instance: number; readonly ms: number }
  | { readonly kind: "function-stopped"; readonly instance: number; readonly ms: number }
  | { readonly kind: "redis-killed"; readonly ms: number }
  | { readonly kind: "redis-stopped"; readonly ms: number }
  | { readonly kind: "rest-stopped"; readonly ms: number }
  | { readonly kind: "flushed" }
  | { readonly kind: "api-wrong"; readonly fault: ApiFault; readonly ms: number }
  | { readonly kind: "api-stale"; readonly ms: number }
  | { readonly kind: "source-away"; readonly ms: number }
  | ({ readonly kind: "pod-lost"; readonly goneMs: number } & Target)
  | ({ readonly kind: "peer-restarted"; readonly ms: number; readonly seenMs: number } & Target)
  | ({ readonly kind: "peer-hung"; readonly ms: number } & Target)
  | {
      readonly kind: "rolled-out";
      readonly network: number;
      readonly ms: number;
      readonly newFirst: boolean;
      /** It waits for each new pod to be joined, as with the readiness gate. */
      readonly gated: boolean;
    }
  | { readonly kind: "pod-added"; readonly network: number }
  | ({ readonly kind: "pod-removed"; readonly graceMs: number } & Target)
  /** klight does not get through to a peer, or to all of a network, which reach each other as before. */
  | ({ readonly kind: "walled-off"; readonly how: Wall; readonly all: boolean; readonly ms: number } & Target)
  /** Its object stays for so long, and a pod of another network has its address at once. */
  | ({ readonly kind: "evicted"; readonly address: "kept" | "gone"; readonly keptMs: number } & Target)
  /** Somebody who is no peer names members at klight's seed, and asks for re-forms so that it is open. */
  | { readonly kind: "impostor"; readonly network: number; readonly ms: number }
  | { readonly kind: "reform-asked"; readonly network: number };

interface Target {
  readonly network: number;
  readonly pod: number;
}

export type PlannedFault = Fault & { readonly at: number };

/** Mean time from one fault to the next, ms. */
const GAP_MS = 800;

const ms = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const number = fc.nat(1_000);
const target = { network: number, pod: number };

type Drawn = readonly [weight: number, fault: fc.Arbitrary<Fault>];

const ofPlatform: readonly Drawn[] = [
  [3, fc.record({ kind: fc.constant("function-killed"), instance: number, ms: ms(100, 3_000) })],
  // Longer than a lease, at times: what it was about to do is done by somebody else meanwhile.
  [3, fc.record({ kind: fc.constant("function-stopped"), instance: number, ms: ms(50, 15_000) })],
  [1, fc.record({ kind: fc.constant("redis-killed"), ms: ms(50, 3_000) })],
  [1, fc.record({ kind: fc.constant("redis-stopped"), ms: ms(50, 3_000) })],
  [1, fc.record({ kind: fc.constant("rest-stopped"), ms: ms(50, 3_000) })],
  [1, fc.record({ kind: fc.constant("flushed") })],
  [
    2,
    fc.record({
      kind: fc.constant("api-wrong"),
      fault: fc.oneof(
        fc.record({ tag: fc.constantFrom("down", "silent", "throttled", "broken", "garbage") }),
        fc.record({ tag: fc.constant("slow"), ms: ms(50, 2_000) }),
      ),
      ms: ms(50, 6_000),
    }),
  ],
  [2, fc.record({ kind: fc.constant("api-stale"), ms: ms(50, 6_000) })],
  [1, fc.record({ kind: fc.constant("source-away"), ms: ms(50, 6_000) })],
];

/** A peer that is back before the others' health checks notice, one that is not, and one in between. */
const back = fc.oneof(ms(0, 450), ms(1_300, 5_000), ms(450, 1_300));

const ofPeers: readonly Drawn[] = [
  [4, fc.record({ kind: fc.constant("pod-lost"), ...target, goneMs: ms(0, 800) })],
  [5, fc.record({ kind: fc.constant("peer-restarted"), ...target, ms: back, seenMs: ms(0, 1_000) })],
  [
    3,
    fc.record({
      kind: fc.constant("peer-hung"),
      ...target,
      ms: fc.oneof(ms(50, 3_000), ms(3_000, 10_000), ms(25_000, 45_000)),
    }),
  ],
  [
    1,
    fc.record({
      kind: fc.constant("rolled-out"),
      network: number,
      ms: ms(0, 1_500),
      newFirst: fc.boolean(),
      gated: fc.constantFrom(true, true, true, true, false),
    }),
  ],
  [3, fc.record({ kind: fc.constant("pod-added"), network: number })],
  [3, fc.record({ kind: fc.constant("pod-removed"), ...target, graceMs: ms(0, 1_500) })],
  [
    3,
    fc.record({
      kind: fc.constant("walled-off"),
      ...target,
      how: fc.constantFrom("refuse", "reset"),
      all: fc.boolean(),
      ms: fc.oneof(ms(50, 3_000), ms(3_000, 10_000), ms(25_000, 45_000)),
    }),
  ],
  [
    3,
    fc.record({
      kind: fc.constant("evicted"),
      ...target,
      address: fc.constantFrom("kept", "gone"),
      keptMs: ms(0, 20_000),
    }),
  ],
  [1, fc.record({ kind: fc.constant("impostor"), network: number, ms: ms(500, 3_000) })],
  [1, fc.record({ kind: fc.constant("reform-asked"), network: number })],
];

/** The faults of so many seconds. They follow from the seed alone; what becomes of them does not. */
export function planFaults(seconds: number, seed: number): readonly PlannedFault[] {
  const drawn = [...ofPlatform, ...ofPeers].map(([weight, arbitrary]) => ({ weight, arbitrary }));
  const fault = fc.tuple(fc.noBias(fc.integer({ min: 0, max: 2 * GAP_MS })), fc.oneof(...drawn));
  const count = Math.ceil((2 * seconds * 1_000) / GAP_MS) + 10;
  let at = 0;
  return fc
    .sample(fc.noBias(fault), { numRuns: count, seed })
    .map(([gapMs, each]) => Object.assign(each, { at: (at += gapMs) }))
    .filter((each) => each.at < seconds * 1_000);
}
