import type { Cause } from "../../lib/reconcile/cause.ts";
import { median, round } from "../bench/report.ts";

type Line = Readonly<Record<string, unknown>>;

/** How a re-form says in its message why it was done. */
const causeTexts: Readonly<Record<Cause["kind"], RegExp>> = {
  "half-done": /was left half-done/u,
  "failed-join": /a join failed/u,
  "failed-visit": /a visit at .* failed|stands apart|lists \d/u,
  "entries-apart": /newest entries differed/u,
  "lost-chain": /has lost its chain/u,
  "given-up": /has not answered for too long|could not reach .* for too long/u,
  "new-address": /has another address now/u,
  "moved-away": /(?:has gone|goes) to another network/u,
  "has-chain": /has a chain already/u,
  "was-elsewhere": /was in (?:a|another) network before/u,
  "was-waited-for": /is where a member has hung/u,
  "store-lost": /the store had lost who is in it/u,
  replaced: /another process is there now/u,
  "entry-came": /an entry came in while/u,
  storing: /an application stores in it/u,
  configured: /KLIGHT_JOIN makes every join/u,
  "asked-for": /somebody asked for it/u,
};

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface ReformFigures {
  readonly count: number;
  /** What the steps took that were for an event; a sweep does not say what each of its steps took. */
  readonly ms?: Spread;
  /** How long writes were refused. */
  readonly refusedMs?: Spread;
}

export interface StepFigures {
  readonly steps: number;
  readonly sweeps: number;
  readonly joins: { readonly founded: number; readonly plain: number; readonly reformed: number };
  readonly outcomes: Readonly<Record<string, number>>;
  readonly holds: Readonly<Record<string, number>>;
  readonly reforms: Readonly<Record<string, ReformFigures>>;
}

/** One thing that was told, in the functions' logs and in Events of the API server: either may miss some. */
interface Told {
  inLogs: number;
  inEvents: number;
  readonly ms: number[];
}

/** Counts what the functions say that they have done. */
export class Figures {
  readonly #outcomes = new Map<string, number>();
  readonly #holds = new Map<string, number>();
  readonly #told = {
    Founded: new Map<string, Told>(),
    Joined: new Map<string, Told>(),
    NetworkReformed: new Map<string, Told>(),
  };
  #sweeps = 0;
  #stepsOfSweeps = 0;

  /** A line that a function has logged. */
  take(line: Line): void {
    const { msg, outcome, reason, message, ms, steps } = line;
    if (msg === "sweep done") {
      this.#sweeps += 1;
      this.#stepsOfSweeps += Number(steps);
    }
    if (typeof outcome !== "string") return;
    count(this.#outcomes, outcome);
    if (outcome === "held") count(this.#holds, String(reason));
    const reformed = outcome === "reformed" ? this.#told.NetworkReformed : undefined;
    const joined = outcome === "joined" ? this.#told.Joined : undefined;
    const founded = outcome === "founded" ? this.#told.Founded : undefined;
    const told = toldOf(reformed ?? joined ?? founded, String(message));
    if (told === undefined) return;
    told.inLogs += 1;
    if (typeof ms === "number") told.ms.push(ms);
  }

  /** `events`: those that the API server has. */
  of(
    events: readonly { readonly reason?: string | undefined; readonly message?: string | undefined }[],
  ): StepFigures {
    for (const each of Object.values(this.#told)) for (const told of each.values()) told.inEvents = 0;
    for (const { reason, message } of events) {
      const known = reason === "NetworkReformed" || reason === "Joined" || reason === "Founded";
      const told = toldOf(known ? this.#told[reason] : undefined, message ?? "");
      if (told) told.inEvents += 1;
    }
    const { Founded, Joined, NetworkReformed } = this.#told;
    const outcomes = Object.fromEntries(this.#outcomes);
    const ofEvents = Object.values(outcomes).reduce((sum, each) => sum + each, 0);
    return {
      steps: ofEvents + this.#stepsOfSweeps,
      sweeps: this.#sweeps,
      joins: { founded: total(Founded), plain: total(Joined), reformed: joinsIn(NetworkReformed) },
      outcomes,
      holds: byCount(this.#holds),
      reforms: reformsOf(NetworkReformed),
    };
  }
}

const count = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const byCount = (counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));

function toldOf(all: Map<string, Told> | undefined, message: string): Told | undefined {
  if (all === undefined) return undefined;
  const told = all.get(message) ?? { inLogs: 0, inEvents: 0, ms: [] };
  all.set(message, told);
  return told;
}

/** The same message may come twice, of two lives of a peer. */
const timesOf = ({ inLogs, inEvents }: Told): number => Math.max(inLogs, inEvents);

const total = (all: ReadonlyMap<string, Told>): number =>
  [...all.values()].reduce((sum, told) => sum + timesOf(told), 0);

const joining = new Set(["has-chain", "was-elsewhere", "storing", "entry-came", "failed-join"]);

/** Re-forms that were the way in for a peer. */
const joinsIn = (all: ReadonlyMap<string, Told>): number =>
  [...all]
    .filter(([message]) => joining.has(causeOf(message)))
    .reduce((sum, [, told]) => sum + timesOf(told), 0);

const causeOf = (message: string): string =>
  Object.entries(causeTexts).find(([, text]) => text.test(message))?.[0] ?? "other";

function reformsOf(all: ReadonlyMap<string, Told>): Readonly<Record<string, ReformFigures>> {
  const byCause = Map.groupBy(all, ([message]) => causeOf(message));
  return Object.fromEntries(
    [...byCause].map(([cause, those]) => {
      const ms = spreadOf(those.flatMap(([, told]) => told.ms));
      const refusedMs = spreadOf(
        those.flatMap(([message]) => Number(/refused for (\d+) ms/u.exec(message)?.[1] ?? [])),
      );
      const times = those.reduce((sum, [, told]) => sum + timesOf(told), 0);
      return [cause, { count: times, ...(ms && { ms }), ...(refusedMs && { refusedMs }) }];
    }),
  );
}

const spreadOf = (values: readonly number[]): Spread | undefined =>
  values.length === 0
    ? undefined
    : { min: Math.min(...values), median: round(median(values)), max: Math.max(...values) };
