import { setTimeout as sleep } from "node:timers/promises";
import { readOptions } from "../../scripts/options.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { Life } from "../harness/lightpeer/life.ts";
import { redisAvailable } from "../harness/redis.ts";
import { type Stage, type StagePod, startStage } from "../harness/stage.ts";
import { systemTimers } from "../harness/timers.ts";
import { printTrees } from "./trees.ts";

const about = `npm run demo -- [--once]

Shows what klight is for, on real parts: pods are joined, restarted, updated and broken, and a network is mended. The page
stays up, at a free port, until Ctrl-C.`;

const values = readOptions(about, { once: { type: "boolean", default: false, says: "ends by itself" } });
const began = performance.now();

const say = (line = ""): void => {
  process.stdout.write(`${line}\n`);
};
const head = (line: string): void => {
  say(`\n${line}`);
};

const withRedis = redisAvailable();
const stage = await startStage({ redis: withRedis }).catch((error: unknown) => {
  say(`The demo cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
const seen = watchOutcomes(stage);

head("klight joins lightpeers into networks. On this machine run, for real:");
say(`  the function      dist/index.js at ${stage.urls[0]}`);
say(
  `  the store         ${withRedis ? "redis-server behind a REST port" : "in memory: redis-server is not on this machine"}`,
);
say("  lightpeers        one for each pod, over gRPC");
say(
  "and in place of a cluster an API server, an ApiServerSource and a Broker that behave like the real ones.",
);

const add = async (network: string, name: string, namespace: string): Promise<StagePod> => {
  const pod = await stage.addPod({ name, network, namespace });
  stage.start(pod);
  // A kubelet reports more than once: late updates that change nothing.
  stage.touch(pod);
  stage.touch(pod);
  await stage.settled();
  return pod;
};

head("Eight pods start, in two namespaces. Every one of them sends its status three times.");
const ledger: StagePod[] = [];
const orders: StagePod[] = [];
for (const name of ["ledger-a", "ledger-b", "ledger-c", "ledger-d"])
  ledger.push(await add("ledger", name, "bank"));
for (const name of ["orders-a", "orders-b", "orders-c"]) orders.push(await add("orders", name, "shop"));
head("One of them comes late.");
await sleep(500);
orders.push(await add("orders", "orders-late", "shop"));

head("The lightpeer of ledger-b restarts: the pod stays, its peer is a new one.");
const [, second] = ledger;
if (second) await stage.restart(second, 1_500);
await stage.settled();

head("A rolling update of shop/orders: each new pod comes before its old one goes, without pauses.");
for (const old of orders.splice(0)) {
  orders.push(await add("orders", old.name.replace("orders", "orders-v2"), "shop"));
  await stage.remove(old);
  await stage.settled();
}

head(
  "Survivors of a death can break their network by themselves. So the sweep, every five minutes, visits one after it:",
);
await sleep(1_500);
const swept = await stage.ping();
say(`  ${swept.outcome}`);

head(
  "Behind klight's back somebody joins a member of bank/ledger a second time. Nobody gets an error, and from then on",
);
say("the network is dead: nobody can store in it.");
const caller = new Life();
const dialer = grpcDialer({ life: caller });
const [first, , third] = ledger;
const persist = async (pod: StagePod, text: string): Promise<string> => {
  const ctx = Context.within(systemTimers, 3_000);
  const reply = await dialer.dial(pod.peer.address).persist(ctx, Buffer.from(text));
  ctx.release();
  return reply.tag === "ok" ? "stored" : `refused: ${reply.message}`;
};
if (first && third) {
  say(`  an entry at ${third.name}: ${await persist(third, "kept")}`);
  await dialer.dial(third.peer.address).joinNetwork(Context.within(systemTimers, 3_000), first.peer.address);
  say(`  an entry at ${first.name}: ${await persist(first, "refused")}`);
  head("Its application says so (POST /networks/bank/ledger/reform), and klight re-forms it in place:");
  const before = seen.count("reformed");
  const from = performance.now();
  const asked = await fetch(`${stage.urls[0]}/networks/bank/ledger/reform`, { method: "POST" });
  await asked.arrayBuffer();
  const tookMs = Math.round(performance.now() - from);
  await seen.heard("reformed", before + 1);
  say(`  ${tookMs} ms from the question to the answer; no peer was restarted`);
  say(`  an entry at ${first.name}: ${await persist(first, "again")}`);
}

head("Who is in, and through whom:");
await printTrees(stage.urls[0] ?? "", say);

head(
  "The proof: an entry is stored at every peer of a network, one after the other, then all are asked for all.",
);
let isWhole = true;
for (const [network, pods] of [
  ["bank/ledger", ledger],
  ["shop/orders", orders],
] as const) {
  const found = await stage.whole(pods);
  isWhole &&= found.tag === "whole";
  const what =
    found.tag === "whole"
      ? `${found.entries.length} entries, the same at ${pods.length} peers`
      : found.reason;
  say(`  ${network}  ${found.tag}  ${what}`);
}
caller.kill();

const result = {
  networks: 2,
  pods: stage.pods.length,
  joined: seen.count("joined"),
  founded: seen.count("founded"),
  reformed: seen.count("reformed"),
  whole: isWhole,
  redis: withRedis ? "redis-server" : "memory",
  ms: Math.round(performance.now() - began),
};

if (!values.once) {
  head(
    `It stays up: the page is ${stage.urls[0]}/, the same as JSON ${stage.urls[0]}/networks. Ctrl-C ends it.`,
  );
  say(`  node dist/klight.js networks --server ${stage.urls[0]}`);
  await new Promise((resolve) => process.once("SIGINT", resolve));
}
await stage.close();
say();
say(JSON.stringify(result));
process.exitCode = isWhole ? 0 : 1;

/** Prints each step that changed something or held, as the function logs it. */
function watchOutcomes({ functions }: Stage): {
  count(outcome: string): number;
  /** Resolves when so many lines of this outcome have been printed. */
  heard(outcome: string, times: number): Promise<void>;
} {
  const counts = new Map<string, number>();
  let quiet = 0;
  for (const each of functions) {
    each.onLine((line) => {
      const { outcome, reason, message, msg } = line as Record<string, string | undefined>;
      if (outcome === undefined || msg === undefined) return;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (outcome === "ignored" || outcome === "member") {
        quiet += 1;
        return;
      }
      const skipped = quiet > 0 ? `   (after ${quiet} events that changed nothing)` : "";
      quiet = 0;
      say(
        `  ${outcome.padEnd(9)} ${outcome === "held" ? `${String(reason)}: ` : ""}${String(message)}${skipped}`,
      );
    });
  }
  const count = (outcome: string): number => counts.get(outcome) ?? 0;
  return {
    count,
    async heard(outcome, times) {
      for (let left = 100; left > 0 && count(outcome) < times; left -= 1) await sleep(20);
    },
  };
}
