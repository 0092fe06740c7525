import { cause, entriesApart } from "./cause.ts";
import { covers, giveBack, renew, tooOld } from "../lease.ts";
import { findings } from "./changes.ts";
import type { Block, Lightpeer, Seed } from "../peers/lightpeer.ts";
import { newestOf } from "./newest-entries.ts";
import type { Outcome } from "../outcome.ts";
import { writePeerList } from "../peers/peer-list.ts";
import { reformNetwork } from "./repair.ts";
import type { Looked } from "./scene.ts";
import type { Step } from "./step.ts";
import { APART_MS } from "../timing.ts";

type Found =
  | { readonly tag: "whole" }
  | { readonly tag: "broken"; readonly why: string }
  | { readonly tag: "stop"; readonly outcome: Outcome };

/** Longest call of a visit, ms: all members have just answered. */
const CALL_MS = 5_000;

/**
 * Finds out whether a quiet network is whole after a death, which nothing read-only shows: klight's seed lets itself
 * be taken in by the newest member, which works only if every listed member has the same head, and takes itself out
 * again. Under an application's load a visit could do harm, so a network that has stored within a second is left.
 */
export async function visit(step: Step): Promise<Outcome> {
  const { deps, lease, scene } = step;
  const before = await agreedEntry(step);
  await deps.clock.sleep(APART_MS);
  const asked = deps.clock.now();
  const after = await agreedEntry(step);
  const looked = { from: asked, to: deps.clock.now() };
  // The members have been asked just now, and answered.
  const now = { ...step, scene: { ...scene, looked: { from: scene.looked.from, to: looked.to } } };
  if (before === "apart" && after === "apart") return reformNetwork(now, entriesApart);
  if (before === "silent" || before !== after) return rest(step, "an application stores in it");
  const opened = await deps.seeds.open("visit");
  if (opened.tag === "failed") return rest(step, opened.message);
  const { seed } = opened;
  const found = await callOn(step, seed, looked);
  seed.close();
  switch (found.tag) {
    case "stop":
      return found.outcome;
    case "broken":
      return reformNetwork(now, cause("failed-visit", found.why));
    case "whole": {
      const late = await giveBack(deps, lease, { ...findings(scene), deaths: false });
      return late ?? seen(step, `${lease.network} is whole after a death`);
    }
  }
}

async function callOn({ deps, lease, record, scene }: Step, seed: Seed, looked: Looked): Promise<Found> {
  const { lightpeer, settings, clock, newToken } = deps;
  const newest = scene.members.at(-1)?.contact;
  if (newest === undefined) return { tag: "whole" };
  const timeoutMs = Math.min(settings.joinTimeoutMs, CALL_MS);
  const intent = { kind: "visit", seed: seed.address, at: new Date(clock.now()).toISOString() } as const;
  const extend = (): Promise<Outcome | undefined> => renew(deps, lease, intent, 2 * timeoutMs);
  const lost = await extend();
  if (lost) return { tag: "stop", outcome: lost };
  const old = tooOld(deps, lease, looked);
  if (old) {
    const late = await giveBack(deps, lease, { ...findings(scene), keepIntent: record.intent !== undefined });
    return { tag: "stop", outcome: late ?? old };
  }
  const visited = await lightpeer.visit(newest.address, seed.address, timeoutMs);
  if (visited.tag !== "visited")
    return { tag: "broken", why: `a visit at ${newest.name} failed: ${visited.message}` };
  seed.allow(visited.head);
  const list = visited.list.filter((address) => address !== seed.address);
  const left = await takeOut(list, visited.head, {
    token: newToken(),
    tell: async (address, block) => {
      const late = covers(deps, lease, timeoutMs) ? undefined : await extend();
      return late ?? lightpeer.notify(address, block, timeoutMs);
    },
  });
  if (left) return left;
  const members = scene.members.map(({ contact }) => contact.address);
  const same = members.length === list.length && members.every((address) => list.includes(address));
  return same ? { tag: "whole" } : { tag: "broken", why: `${newest.name} lists ${list.join(", ")}` };
}

interface Teller {
  readonly token: string;
  readonly tell: (
    address: string,
    block: Block,
  ) => Promise<Awaited<ReturnType<Lightpeer["notify"]>> | Outcome>;
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
    if ("name" in told) return { tag: "stop", outcome: told };
    if (told.tag === "failed") return { tag: "broken", why: `${address} stands apart: ${told.message}` };
  }
  return undefined;
}

/** The newest entry that all members have: its digest, `digest:...`. */
async function agreedEntry({ deps, scene }: Step): Promise<`digest:${string}` | "apart" | "silent"> {
  const { digests, silent } = await newestOf(
    deps,
    scene.members.map(({ contact }) => contact),
  );
  const [digest, ...others] = digests;
  if (silent.length > 0 || digest === undefined) return "silent";
  return others.length > 0 ? "apart" : `digest:${digest}`;
}

async function rest(step: Step, why: string): Promise<Outcome> {
  const late = await giveBack(step.deps, step.lease, findings(step.scene));
  return late ?? seen(step, `${step.lease.network} was not visited: ${why}`);
}

const seen = ({ lease: { network } }: Step, message: string): Outcome => ({
  name: "member",
  reason: "AlreadyMember",
  message,
  network,
});
