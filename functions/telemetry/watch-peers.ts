import { parseAddress } from "../../lib/peers/address.ts";
import type { JoinEnd, Lightpeer, Probe, Seeds } from "../../lib/peers/lightpeer.ts";
import { type AnswerAttributes, type RecordedCall, type Recorder, secondsSince } from "./recorder.ts";

const peerCall = (
  method: string,
  address: string,
  details: RecordedCall["details"] = {},
): RecordedCall<"peerCalls"> => {
  const { host = address, port } = parseAddress(address) ?? {};
  return {
    name: method,
    metric: "peerCalls",
    attributes: { "rpc.system.name": "grpc", "rpc.method": method },
    details: { ...details, "server.address": host, ...(port !== undefined && { "server.port": port }) },
  };
};

const wrongTags = new Set(["failed", "broken", "too-large", "silent", "refused", "not-serving"]);
const named = (answer: string): AnswerAttributes => ({
  answer,
  ...(wrongTags.has(answer) && { error: answer }),
});
const peerAnswer = ({ tag }: { readonly tag: string }): AnswerAttributes => named(tag);

/** Lightpeers, and klight's own seed, whose addresses tell a join of a re-form from a plain one. */
export function watchPeers(
  recorder: Recorder,
  { lightpeer, seeds }: { readonly lightpeer: Lightpeer; readonly seeds: Seeds },
): { readonly lightpeer: Lightpeer; readonly seeds: Seeds } {
  const own = new Set<string>();
  const open: Seeds["open"] = async (use) => {
    const opened = await seeds.open(use);
    if (opened.tag === "open") own.add(opened.seed.address);
    return opened;
  };
  return { lightpeer: watchedPeers(recorder, lightpeer, own), seeds: { open } };
}

/** Each call a span and a time. A question or a probe is one call however often it is put. */
const watchedPeers = (recorder: Recorder, peers: Lightpeer, ownSeeds: ReadonlySet<string>): Lightpeer => ({
  probe: (address, timeoutMs) =>
    recorder.call(
      peerCall("grpc.health.v1.Health/Check", address),
      () => peers.probe(address, timeoutMs),
      (probe: Probe) => named(probe),
    ),
  askFresh: (address, timeoutMs) =>
    recorder.call(
      peerCall("Lightpeer/NotifyNewBlock", address, { "klight.question": "are you fresh?" }),
      () => peers.askFresh(address, timeoutMs),
      named,
    ),
  askName: (address, seed, timeoutMs) => {
    const details = { "klight.question": "who are you?", "klight.join.contact": seed };
    const asked = peerCall("Lightpeer/JoinNetwork", address, details);
    return recorder.call(asked, () => peers.askName(address, seed, timeoutMs), peerAnswer);
  },
  newest: (address, timeoutMs) =>
    watchedQuery(recorder, { address, question: "newest entry" }, () => peers.newest(address, timeoutMs)),
  history: (address, timeoutMs, take) =>
    watchedQuery(recorder, { address, question: "history" }, () => peers.history(address, timeoutMs, take)),
  join: async (...asked) => {
    const from = performance.now();
    const end = await watchedJoin(recorder, asked, () => peers.join(...asked));
    const isPlain = !ownSeeds.has(asked[1]);
    if (isPlain) recorder.record("joinDuration", secondsSince(from), { "klight.join.end": end.tag });
    return end;
  },
  visit: (address, visitor, timeoutMs) =>
    recorder.call(
      peerCall("Lightpeer/ConnectNewPeer", address),
      () => peers.visit(address, visitor, timeoutMs),
      peerAnswer,
    ),
  notify: (...asked) =>
    recorder.call(peerCall("Lightpeer/NotifyNewBlock", asked[0]), () => peers.notify(...asked), peerAnswer),
  release: () => {
    peers.release();
  },
});

const watchedQuery = <Told extends { readonly tag: string }>(
  recorder: Recorder,
  { address, question }: { readonly address: string; readonly question: string },
  ask: () => Promise<Told>,
): Promise<Told> =>
  recorder.call(peerCall("Lightpeer/Query", address, { "klight.question": question }), ask, peerAnswer);

const watchedJoin = (
  recorder: Recorder,
  [address, contact]: Parameters<Lightpeer["join"]>,
  join: () => Promise<JoinEnd>,
): Promise<JoinEnd> =>
  recorder.call(
    peerCall("Lightpeer/JoinNetwork", address, { "klight.join.contact": contact }),
    join,
    ({ tag }) => (tag === "joined" ? { answer: tag } : { answer: tag, error: tag }),
  );
