import { formatJoined, parseJoined } from "../../lib/pod/condition.ts";
import { handClock, ignoredPod, podOf, START, World } from "./networks.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A cluster as an operator may meet it: most is well, some starts, some needs help. Made up, and always the same. */
export async function exampleNetworks(): Promise<World> {
  const world = new World(handClock(START - 76 * HOUR));
  await orders(world);
  await carts(world);
  for (const [index, id] of ["catalogue", "prices", "stock"].entries()) {
    await chain(world, `shop/${id}`, id, 3 + index);
    world.clock.move(2 * HOUR);
  }
  await chain(world, "metering/tariffs", "tariff", 4);
  await chain(world, "metering/readings", "readings", 5);
  world.clock.move(40 * MINUTE);
  await chain(world, "billing/ledger", "ledger", 3);
  world.clock.move(START - world.clock.now() - 7 * MINUTE);
  await meters(world);
  world.clock.move(7 * MINUTE - 2_000);
  await ledger(world);
  world.clock.move(START - world.clock.now());
  return world;
}

async function chain(world: World, network: string, prefix: string, peers: number): Promise<void> {
  for (let index = 0; index < peers; index += 1) {
    await world.join(network, `${prefix}-${index}`, index === 0 ? null : `${prefix}-${index - 1}`);
    world.clock.move(7_000);
  }
}

/** A tree with some branches, re-formed twice, with a pod that cannot reach its contact. */
async function orders(world: World): Promise<void> {
  const network = "shop/orders";
  const through = [null, 0, 1, 1, 3, 1, 5, 6, 5, 0, 9] as const;
  for (const [index, via] of through.entries()) {
    await world.join(network, `orders-${index}`, via === null ? null : `orders-${via}`);
    world.clock.move(3 * HOUR + index * 11 * MINUTE);
  }
  world.clock.move(20 * HOUR);
  const message = `${network} was re-formed because shop/orders-4 has not answered for too long: 11 peers, without orders-4, 1204 entries, writes were refused for 180 ms`;
  await world.commit(network, {
    generation: 2,
    log: world.entry({ namespace: "shop", name: "orders-10" }, "reformed", "Reformed", message),
  });
  world.clock.move(3 * HOUR);
  const stuck = podOf(network, "orders-11");
  const contact = podOf(network, "orders-10");
  const why = `orders-11 reaches no member of ${network}; orders-10 at ${contact.address}: connection refused`;
  const condition = formatJoined({
    status: "False",
    reason: "ContactsUnreachable",
    message: why,
    network,
    incarnation: stuck.incarnation,
  });
  const joined = parseJoined(condition);
  world.addPod({ ...stuck, ...(joined && { joined, joinedSince: world.clock.now() }) });
  await world.commit(network, { log: world.entry(stuck, "held", "ContactsUnreachable", why) });
}

/** One that starts, and one whose port is wrong. */
async function carts(world: World): Promise<void> {
  await chain(world, "shop/carts", "carts", 4);
  world.addPod(ignoredPod("shop/carts", "carts-4", "NotRunning", "The phase of carts-4 is Pending"));
  world.addPod(
    ignoredPod("shop/carts", "carts-5", "BadPort", 'The annotation klight.dev/port of carts-5 is "http"'),
  );
}

/** A member that does not answer, with two waiting behind it. */
async function meters(world: World): Promise<void> {
  const network = "metering/readings";
  const waiting = world.addPod(podOf(network, "readings-5"));
  world.addPod(podOf(network, "readings-6"));
  const silent = podOf(network, "readings-3");
  const message = `metering/readings-3 at ${silent.address} does not answer, its pod looks well`;
  await world.commit(network, {
    hung: [silent.incarnation],
    log: world.entry(waiting, "held", "MemberHung", message),
  });
}

/** A step is at work. */
async function ledger(world: World): Promise<void> {
  const network = "billing/ledger";
  world.addPod(podOf(network, "ledger-3"));
  await world.beginStep(
    network,
    {
      kind: "join",
      pod: "billing/ledger-3",
      contact: "ledger-2",
      at: new Date(world.clock.now()).toISOString(),
    },
    10 * MINUTE,
  );
}
