import fc from "fast-check";
import type { CallFault } from "./instance.ts";
import type { Mishap } from "./store.ts";

/** The world before anything goes wrong. */
export interface Setting {
  /** Of all delays, and of who is chosen where a command leaves it open. */
  readonly seed: number;
  readonly instances: number;
  readonly through: "source" | "broker";
  readonly events: "resource" | "reference";
  readonly joinMode: "auto" | "reform";
  /** Pods of each network, started `gapMs` ms apart. */
  readonly pods: readonly number[];
  readonly gapMs: number;
  /** Which networks are stored in, how often; ms. */
  readonly storing: readonly { readonly network: number; readonly everyMs: number }[];
}

/** Numbers of pods, instances and networks count around those that there are. */
export type Command = { readonly at: number } & (
  | { readonly kind: "create"; readonly network: number; readonly reuseAddress: boolean }
  | { readonly kind: "delete"; readonly pod: number; readonly graceMs: number }
  | { readonly kind: "crash-peer"; readonly pod: number; readonly backMs: number }
  | { readonly kind: "hang"; readonly pod: number; readonly ms: number }
  | { readonly kind: "relabel"; readonly pod: number; readonly network: number }
  | { readonly kind: "unlabel"; readonly pod: number }
  | {
      readonly kind: "evict";
      readonly pod: number;
      readonly keepsAddress: boolean;
      /** The network of a pod that gets its address, and when, ms; undefined: nobody in particular. */
      readonly next: number | undefined;
      readonly nextMs: number;
    }
  | { readonly kind: "move-address"; readonly pod: number }
  | { readonly kind: "share-address"; readonly pod: number; readonly network: number; readonly ms: number }
  | { readonly kind: "misnamed"; readonly network: number }
  | { readonly kind: "impostor"; readonly pod: number; readonly ms: number }
  | { readonly kind: "busy"; readonly pod: number; readonly ms: number }
  | {
      readonly kind: "wall";
      readonly pod: number;
      readonly whole: boolean;
      readonly how: "refuse" | "reset";
      readonly ms: number;
    }
  | { readonly kind: "rollout"; readonly network: number; readonly gapMs: number; readonly newFirst: boolean }
  | { readonly kind: "lose-node"; readonly node: number }
  | ({ readonly kind: "fault"; readonly instance: number } & CallFault)
  | { readonly kind: "store"; readonly how: "away" | "slow"; readonly ms: number }
  | { readonly kind: "flush" }
  | { readonly kind: "mishap"; readonly mishaps: readonly Mishap[] }
  | { readonly kind: "api"; readonly how: "away" | "stale"; readonly ms: number; readonly behindMs: number }
  | { readonly kind: "lose-writes"; readonly count: number }
  | { readonly kind: "adapter-away"; readonly ms: number }
  | {
      readonly kind: "rough-delivery";
      readonly ms: number;
      readonly lagMs: number;
      readonly duplicates: number;
    }
  | { readonly kind: "sweep" }
  | { readonly kind: "reform"; readonly network: number }
);

export interface Schedule {
  readonly setting: Setting;
  readonly commands: readonly Command[];
}

/** Faults begin within this time, ms. */
const SPAN_MS = 12_000;

const ms = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const number = fc.nat(7);
const at = ms(0, SPAN_MS);

/** A peer that is back before the others' health checks notice, one that is not, and one in between. */
const back = fc.oneof(ms(20, 450), ms(1_300, 5_000), ms(450, 1_300));

type Kind = Command["kind"];

type Drawn = { readonly weight: number; readonly arbitrary: fc.Arbitrary<Command> };

const ofPeers: Partial<Record<Kind, Drawn>> = {
  create: {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("create"),
      at,
      network: number,
      reuseAddress: fc.boolean(),
    }),
  },
  delete: {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("delete"), at, pod: number, graceMs: ms(0, 1_500) }),
  },
  "crash-peer": {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("crash-peer"), at, pod: number, backMs: back }),
  },
  hang: {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("hang"),
      at,
      pod: number,
      ms: fc.oneof(ms(50, 3_000), ms(3_000, 20_000), ms(20_000, 45_000)),
    }),
  },
  relabel: {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("relabel"), at, pod: number, network: number }),
  },
  unlabel: { weight: 1, arbitrary: fc.record({ kind: fc.constant("unlabel"), at, pod: number }) },
  rollout: {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("rollout"),
      at,
      network: number,
      gapMs: ms(0, 1_500),
      newFirst: fc.boolean(),
    }),
  },
  evict: {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("evict"),
      at,
      pod: number,
      keepsAddress: fc.boolean(),
      next: fc.option(number, { nil: undefined }),
      nextMs: fc.oneof(ms(0, 50), ms(50, 3_000)),
    }),
  },
  "move-address": { weight: 1, arbitrary: fc.record({ kind: fc.constant("move-address"), at, pod: number }) },
  "share-address": {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("share-address"),
      at,
      pod: number,
      network: number,
      ms: ms(500, 20_000),
    }),
  },
  misnamed: { weight: 1, arbitrary: fc.record({ kind: fc.constant("misnamed"), at, network: number }) },
  impostor: {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("impostor"), at, pod: number, ms: ms(500, 5_000) }),
  },
  busy: {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("busy"), at, pod: number, ms: ms(500, 60_000) }),
  },
  wall: {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wall"),
      at,
      pod: number,
      whole: fc.boolean(),
      how: fc.constantFrom("refuse", "reset"),
      ms: fc.oneof(ms(50, 8_000), ms(8_000, 45_000)),
    }),
  },
  "lose-node": { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose-node"), at, node: number }) },
};

const mishap = fc.constantFrom<Mishap>("lost-reply", "sent-twice", "late");

const ofPlatform: Partial<Record<Kind, Drawn>> = {
  fault: {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("fault"),
      at,
      instance: number,
      calls: fc.nat(60),
      when: fc.constantFrom("unsent", "under-way", "answered"),
      what: fc.constantFrom("crash", "pause"),
      ms: fc.oneof(ms(10, 2_000), ms(10_000, 70_000)),
    }),
  },
  store: {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("store"),
      at,
      how: fc.constantFrom("away", "slow"),
      ms: ms(50, 8_000),
    }),
  },
  flush: { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush"), at }) },
  mishap: {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("mishap"),
      at,
      mishaps: fc.array(mishap, { minLength: 1, maxLength: 3 }),
    }),
  },
  api: {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("api"),
      at,
      how: fc.constantFrom("away", "stale"),
      ms: ms(50, 8_000),
      behindMs: ms(50, 5_000),
    }),
  },
  "lose-writes": {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("lose-writes"), at, count: ms(1, 4) }),
  },
  "adapter-away": {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("adapter-away"), at, ms: ms(50, 8_000) }),
  },
  "rough-delivery": {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("rough-delivery"),
      at,
      ms: ms(50, 8_000),
      lagMs: ms(10, 3_000),
      duplicates: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
    }),
  },
  sweep: { weight: 2, arbitrary: fc.record({ kind: fc.constant("sweep"), at }) },
  reform: { weight: 1, arbitrary: fc.record({ kind: fc.constant("reform"), at, network: number }) },
};

const setting: fc.Arbitrary<Setting> = fc.record({
  seed: fc.noShrink(fc.noBias(fc.integer({ min: 0, max: 0xffff_ffff }))),
  instances: fc.integer({ min: 1, max: 3 }),
  through: fc.constantFrom("broker", "source"),
  events: fc.constantFrom("resource", "reference"),
  joinMode: fc.constantFrom("auto", "auto", "auto", "reform"),
  pods: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 2 }),
  gapMs: fc.oneof(ms(0, 50), ms(50, 600)),
  storing: fc.array(fc.record({ network: number, everyMs: ms(20, 400) }), { maxLength: 1 }),
});

/** What is drawn of all that can be. */
export interface Draw {
  /** Only commands of these kinds; default: all. */
  readonly kinds?: readonly Kind[];
  readonly setting?: Partial<Setting>;
  readonly maxCommands?: number;
  /** Of those, only these. */
  readonly only?: (command: Command) => boolean;
}

/** Worlds and what goes wrong in them, from a lone fault to a dozen. */
export function drawSchedules({
  kinds,
  setting: given = {},
  maxCommands = 12,
  only = () => true,
}: Draw = {}): fc.Arbitrary<Schedule> {
  const drawn = Object.entries({ ...ofPeers, ...ofPlatform })
    .filter(([kind]) => kinds?.some((each) => each === kind) ?? true)
    .map(([, each]) => each);
  return fc.record({
    setting: setting.map((free) => Object.assign(free, given)),
    commands: fc.array(fc.oneof(...drawn).filter(only), {
      minLength: 1,
      maxLength: maxCommands,
      size: "max",
    }),
  });
}

export const schedules: fc.Arbitrary<Schedule> = drawSchedules();

/** One line for the world and one for each command, in the order of time. */
export function describe({ setting: world, commands }: Schedule): string {
  const lines = [...commands]
    .sort((a, b) => a.at - b.at)
    .map(({ at: when, kind, ...rest }) => `  ${when} ms: ${kind} ${JSON.stringify(rest)}`);
  return [JSON.stringify(world), ...lines].join("\n");
}
