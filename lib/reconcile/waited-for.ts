import type { Change, NetworkRecord } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import type { PodName } from "../outcome.ts";
import type { ReformEnd } from "./reform/reform.ts";
import type { Step } from "./move.ts";
import { podsOfIntent } from "./moved-out.ts";

/**
 * A lightpeer checks the health of its list without a deadline. Who has gone on without a peer that hung is still in the
 * middle of such a round, and when the hung one answers or dies at last, the round ends with a list from before: that can
 * break a network which nobody has touched since. So the addresses of such peers are remembered, the sweep looks whether
 * they still hang, and the network of one that does not is visited.
 */

/** Forgotten after so long, ms: no call to a process that hung is open for a day. */
const FORGOTTEN_MS = 86_400_000;

/** Addresses of peers that hung when their network went on without them. */
export const stillWaitedFor = ({ waitedFor }: Pick<NetworkRecord, "waitedFor">): readonly string[] =>
  Object.entries(waitedFor)
    .filter(([, ms]) => ms < FORGOTTEN_MS)
    .map(([address]) => address);

/** Those of these addresses where somebody hangs. */
export async function silentAt(
  { lightpeer, settings }: Pick<Deps, "lightpeer" | "settings">,
  addresses: readonly string[],
): Promise<readonly string[]> {
  const probes = await Promise.all(
    addresses.map((address) => lightpeer.probe(address, settings.probeTimeoutMs)),
  );
  return addresses.filter((_, index) => probes[index] === "silent");
}

/**
 * Who is not in any more after a re-form and hung when the network was looked at, or went silent in it: the others may be
 * waiting for it. Those that still hang are remembered; one that does not may have disturbed them already.
 */
export async function waitedForAfter(
  { deps, target, record, seen }: Step,
  { list, leftOut, uncome }: Extract<ReformEnd, { tag: "whole" }>,
): Promise<Required<Pick<Change, "waitedFor" | "deaths">>> {
  const isOut = (address: string): boolean => list.every((part) => part.address !== address);
  const seed = record.intent?.seed;
  // With its stack the store has lost whom a half-done join has left on a list.
  const unknown = seen.restored ? seen.pods.flatMap(({ address }) => address ?? []) : [];
  const hanging = [
    ...seen.silent,
    ...uncome,
    ...leftOut.map(({ address }) => address),
    ...(seed === undefined ? [] : [seed]),
    ...(await addressesOf(deps, podsOfIntent(record.intent))),
  ].filter(isOut);
  const [still, others] = await Promise.all([
    silentAt(deps, hanging),
    silentAt(deps, [...(target.from?.others ?? []), ...unknown].filter(isOut)),
  ]);
  const waitedFor = [...new Set([...seen.waitedFor, ...still, ...others])];
  return { waitedFor, deaths: hanging.length > still.length };
}

/** By name and not from the list: a pod that has lost its label since is on none. */
async function addressesOf({ cluster }: Deps, names: readonly PodName[]): Promise<readonly string[]> {
  const asked = await Promise.all(names.map((name) => cluster.getPod(name)));
  return asked.flatMap((answer) => (answer.tag === "pod" ? (answer.pod?.address ?? []) : []));
}
