import { parseAddress } from "../../lib/peers/address.ts";
import type { JoinEnd, Lightpeer, Probe, Seeds } from "../../lib/peers/lightpeer.ts";
import { type Answer, type Call, type Recorder, secondsSince } from "./recorder.ts";

const call = (method: string, address: string, details: Call["details"] = {}): Call<"peerCalls"> => {
  const { host = address, port } = parseAddress(address) ?? {};
  return {
    name: method,
    metric: "peerCalls",
    attributes: { "rpc.system.name": "grpc", "rpc.method": method },
    details: { ...details, "server.address": host, ...(port !== undefined && { "server.port": port }) },
  };
};

const wrong = new Set(["failed", "broken", "too-large", "silent", "refused", "not-serving"]);
const named = (answer: string): Answer => ({ answer, ...(wrong.has(answer) && { error: answer }) });
const tagged = ({ tag }: { readonly tag: string }): Answer => named(tag);

/** Lightpeers, each call a span and a time. A question or a probe is one call however often it is put. */
export const watchPeers = (recorder: Recorder, peers: Lightpeer): Lightpeer => ({
  probe: (address, timeoutMs) =>
    recorder.call(
      call("grpc.health.v1.Health/Check", address),
      () => peers.probe(address, timeoutMs),
      (probe: Probe) => named(probe),
    ),
  askFresh: (address, timeoutMs) =>
    recorder.call(
      call("Lightpeer/NotifyNewBlock", address, { "klight.question": "are you fresh?" }),
      () => peers.askFresh(address, timeoutMs),
      named,
    ),
  askName: (address, seed, timeoutMs) =>
    recorder.call(
      call("Lightpeer/JoinNetwork", address, {
        "klight.question": "who are you?",
        "klight.join.contact": seed,
      }),
      () => peers.askName(address, seed, timeoutMs),
      tagged,
    ),
  newest: (address, timeoutMs) =>
    watchedQuery(recorder, { address, question: "newest entry" }, () => peers.newest(address, timeoutMs)),
  history: (address, limitBytes, timeoutMs) =>
    watchedQuery(recorder, { address, question: "history" }, () =>
      peers.history(address, limitBytes, timeoutMs),
    ),
  join: (...asked) => watchedJoin(recorder, peers, asked),
  visit: (address, visitor, timeoutMs) =>
    recorder.call(
      call("Lightpeer/ConnectNewPeer", address),
      () => peers.visit(address, visitor, timeoutMs),
      tagged,
    ),
  notify: (...asked) => watchedNotify(recorder, peers, asked),
  release: () => {
    peers.release();
  },
});

const watchedQuery = <Told extends { readonly tag: string }>(
  recorder: Recorder,
  { address, question }: { readonly address: string; readonly question: string },
  ask: () => Promise<Told>,
): Promise<Told> =>
  recorder.call(call("Lightpeer/Query", address, { "klight.question": question }), ask, tagged);

/** A join at klight's own seed is one of a re-form, which refuses writes from then on; any other is a plain join. */
async function watchedJoin(
  recorder: Recorder,
  peers: Lightpeer,
  asked: Parameters<Lightpeer["join"]>,
): Promise<JoinEnd> {
  const [address, contact] = asked;
  const turn = recorder.turn();
  const isPlain = turn?.seed !== contact;
  if (turn && !isPlain) turn.frozen ??= performance.now();
  const from = performance.now();
  const end = await recorder.call(
    call("Lightpeer/JoinNetwork", address, { "klight.join.contact": contact }),
    () => peers.join(...asked),
    ({ tag }) => (tag === "joined" ? { answer: tag } : { answer: tag, error: tag }),
  );
  if (isPlain) recorder.record("joinDuration", secondsSince(from), { "klight.join.end": end.tag });
  return end;
}

/** The last one of a re-form puts the network live. */
async function watchedNotify(
  recorder: Recorder,
  peers: Lightpeer,
  asked: Parameters<Lightpeer["notify"]>,
): ReturnType<Lightpeer["notify"]> {
  const end = await recorder.call(
    call("Lightpeer/NotifyNewBlock", asked[0]),
    () => peers.notify(...asked),
    tagged,
  );
  const turn = recorder.turn();
  if (turn?.seed !== undefined && end.tag === "accepted") turn.live = performance.now();
  return end;
}

/** Klight's seed: while it is open for a re-form or a visit, the turn knows its address. */
export const watchSeeds = (recorder: Recorder, seeds: Seeds): Seeds => ({
  open: async (use) => {
    const turn = use === "question" ? undefined : recorder.turn();
    const from = performance.now();
    const opened = await seeds.open(use);
    if (opened.tag === "failed" || turn === undefined) return opened;
    const { seed } = opened;
    turn.opened = from;
    turn.seed = seed.address;
    const close = (): void => {
      seed.close();
      turn.closed = performance.now();
      delete turn.seed;
    };
    return { tag: "open", seed: { ...seed, close } };
  },
});
