import { findings } from "./changes.ts";
import { cause, entriesApart } from "./cause.ts";
import { covers, type Looked, renew, tooOld } from "../lease.ts";
import { type Ending, hold, type Step } from "./move.ts";
import { stillThereSince } from "./reform/still-there.ts";
import { newestOf } from "./reform/newest-entries.ts";
import { held, type Outcome, type Held } from "../outcome.ts";
import type { Block, Lightpeer, Seed } from "../peers/lightpeer.ts";
import { writePeerList } from "../peers/peer-list.ts";
import { repair } from "./repair.ts";
import type { Contact } from "../store/contacts.ts";
import { APART_MS } from "../timing.ts";

type Found = { readonly tag: "whole" } | { readonly tag: "broken"; readonly why: string } | VisitStop;
type VisitStop = { readonly tag: "stop"; readonly ending: Ending };

/** Longest call of a visit, ms: all members have just answered. */
const CALL_MS = 5_000;

/**
 * Finds out whether a quiet network is whole after a death, which nothing read-only shows: klight's seed lets itself
 * be taken in by the newest member, which works only if every listed member has the same head, and takes itself out
 * again. Under an application's load a visit could do harm, so a network that has stored within a second is left.
 */
export async function verify(step: Step): Promise<Ending> {
  const { deps, lease, seen } = step;
  const before = await agreedEntry(step);
  await deps.clock.sleep(APART_MS);
  const asked = deps.clock.now();
  const after = await agreedEntry(step);
  const looked = { from: asked, to: deps.clock.now() };
  // The members have been asked just now, and answered.
  const now = { ...step, seen: { ...seen, looked: { from: seen.looked.from, to: looked.to } } };
  if (before === "apart" && after === "apart") return repair(now, entriesApart);
  const [cutOff] = seen.unreachable;
  const isBusy = before === "silent" || before !== after;
  if (cutOff) return withoutUnreachable(now, cutOff, isBusy);
  if (isBusy) return unvisited(step, "an application stores in it");
  const opened = await deps.seeds.open("visit");
  if (opened.tag === "failed") return unvisited(step, opened.message);
  const { seed } = opened;
  const found = await visit(step, seed, looked);
  seed.close();
  switch (found.tag) {
    case "stop":
      return found.ending;
    case "broken":
      return repair(now, cause("failed-visit", found.why));
    case "whole":
      return {
        outcome: asMember(step, `${lease.network} is whole after a death`),
        change: { ...findings(seen), deaths: false },
      };
  }
}

/**
 * A member that klight has not reached for too long, and perhaps the others do. In a network that is stored in, nobody can
 * find out, and nobody else can come in before it is settled: it goes on without that one. Else it may wait.
 */
async function withoutUnreachable(
  step: Step,
  { namespace, name, address }: Contact,
  isBusy: boolean,
): Promise<Ending> {
  const { target, seen } = step;
  const who = `${namespace}/${name} at ${address}`;
  if (isBusy) return repair(step, cause("given-up", `klight could not reach ${who} for too long`));
  const subject = { network: target.network, ...(seen.joiner && { pod: seen.joiner.pod }) };
  return hold(step, held("MemberUnreachable", `klight cannot reach ${who}, and the others may`, subject, 30));
}

async function visit(step: Step, seed: Seed, looked: Looked): Promise<Found> {
  const { deps, lease, seen } = step;
  const { lightpeer, settings, clock, newToken } = deps;
  const newest = seen.members.at(-1)?.contact;
  if (newest === undefined) return { tag: "whole" };
  const timeoutMs = Math.min(settings.joinTimeoutMs, CALL_MS);
  const intent = { kind: "visit", seed: seed.address, at: new Date(clock.now()).toISOString() } as const;
  const extend = (): Promise<Held | undefined> => renew(deps, lease, intent, 2 * timeoutMs);
  const lost = await extend();
  if (lost) return { tag: "stop", ending: { outcome: lost } };
  const members = seen.members.map(({ contact }) => contact);
  const old =
    (await stillThereSince(deps, lease.network, members, seen.looked.from)) ?? tooOld(deps, lease, looked);
  if (old) return { tag: "stop", ending: hold(step, old) };
  const visited = await lightpeer.visit(newest.address, seed.address, timeoutMs);
  if (visited.tag !== "visited")
    return { tag: "broken", why: `a visit at ${newest.name} failed: ${visited.message}` };
  seed.allow(visited.head);
  const list = visited.list.filter((address) => address !== seed.address);
  const left = await takeOut(list, visited.head, {
    token: newToken(),
    tell: async (address, block) => {
      const late = covers(deps, lease, timeoutMs) ? undefined : await extend();
      return late ? { tag: "stop", ending: { outcome: late } } : lightpeer.notify(address, block, timeoutMs);
    },
  });
  if (left) return left;
  const same = members.length === list.length && members.every(({ address }) => list.includes(address));
  return same ? { tag: "whole" } : { tag: "broken", why: `${newest.name} lists ${list.join(", ")}` };
}

interface Teller {
  readonly token: string;
  readonly tell: (
    address: string,
    block: Block,
  ) => Promise<Awaited<ReturnType<Lightpeer["notify"]>> | VisitStop>;
}

/** Tells each member, in list order, the list without the seed. Undefined: all took it, so all had the same head. */
async function takeOut(
  list: readonly string[],
  head: Block,
  { token, tell }: Teller,
): Promise<Found | undefined> {
  const block: Block = {
    id: `klight-${token}-1`,
    prevId: head.id,
    kind: "network",
    payload: writePeerList(list),
  };
  for (const address of list) {
    const told = await tell(address, block);
    if (told.tag === "stop") return told;
    if (told.tag === "failed") return { tag: "broken", why: `${address} stands apart: ${told.message}` };
  }
  return undefined;
}

/** The newest entry that all members have: its digest, `digest:...`. */
async function agreedEntry({ deps, seen }: Step): Promise<`digest:${string}` | "apart" | "silent"> {
  const { digests, silent } = await newestOf(
    deps,
    seen.members.map(({ contact }) => contact),
  );
  const [digest, ...others] = digests;
  if (silent.length > 0 || digest === undefined) return "silent";
  return others.length > 0 ? "apart" : `digest:${digest}`;
}

const unvisited = (step: Step, why: string): Ending => ({
  outcome: asMember(step, `${step.lease.network} was not visited: ${why}`),
  change: findings(step.seen),
});

const asMember = ({ lease: { network } }: Step, message: string): Outcome => ({
  name: "member",
  reason: "AlreadyMember",
  message,
  network,
});
