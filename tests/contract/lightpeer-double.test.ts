import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { MemoryNetwork } from "../harness/lightpeer/memory-dialer.ts";
import type { Reply } from "../harness/lightpeer/status.ts";
import { sameHistory } from "../harness/lightpeer/whole.ts";
import { seededRandom } from "../harness/random.ts";
import { VirtualClock } from "../harness/virtual-clock.ts";
import { cases } from "./lightpeer-cases.ts";
import { freezeCases } from "./lightpeer-freeze-cases.ts";
import { reformCases } from "./lightpeer-reform-cases.ts";
import { inMemory, overGrpc } from "./lightpeer-worlds.ts";

const all = Object.entries({ ...cases, ...reformCases, ...freezeCases });

suite("a lightpeer in virtual time", () => {
  for (const [title, scenario] of all) test(title, () => inMemory(scenario));
});

suite("a lightpeer over gRPC", { concurrency: 4 }, () => {
  for (const [title, scenario] of all) test(title, { timeout: 20_000 }, () => overGrpc(scenario));
});

const assertUnreachable = (reply: Reply): void => {
  assert.equal(reply.tag, "failed");
  assert.match(reply.message, /^connect new peer request failed: .*code = Unavailable/);
};

suite("a contact that one peer alone cannot reach", () => {
  test("is told by the joiner in virtual time, until the way is free", async () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock, seededRandom(1));
    const [contact, joiner] = [network.start("10.0.0.1:9081"), network.start("10.0.0.2:9081")];
    const peers = network.dialer();
    network.block(joiner.address, contact.address);
    assert.deepEqual(await clock.run(peers.dial(contact.address).check(new Context())), { tag: "ok" });
    const join = (): Promise<Reply> => peers.dial(joiner.address).joinNetwork(new Context(), contact.address);
    assertUnreachable(await clock.run(join()));
    network.unblock(joiner.address, contact.address);
    assert.deepEqual(await clock.run(join()), { tag: "ok" });
  });

  test("is told by the joiner over gRPC", async () => {
    const contact = await startGrpcPeer();
    after(() => contact.kill());
    const joiner = await startGrpcPeer({ reaches: (address) => address !== contact.address });
    after(() => joiner.kill());
    const peers = grpcDialer();
    assert.deepEqual(await peers.dial(contact.address).check(new Context()), { tag: "ok" });
    assertUnreachable(await peers.dial(joiner.address).joinNetwork(new Context(), contact.address));
  });
});

const look = async (entries: readonly (readonly [number, string])[]): Promise<string> => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, seededRandom(1));
  const addresses = ["10.0.0.1:9081", "10.0.0.2:9081"];
  for (const address of addresses) network.start(address);
  const dialer = network.dialer();
  for (const [index, entry] of entries) {
    await clock.run(dialer.dial(addresses[index] ?? "").persist(new Context(), Buffer.from(entry)));
  }
  const seen = await clock.run(sameHistory({ dialer, addresses, timers: clock }));
  return seen.tag === "whole" ? seen.entries.join() : seen.reason;
};

const both = (entry: string): (readonly [number, string])[] => [
  [0, entry],
  [1, entry],
];

suite("a look at two peers without a word to them", () => {
  test("tells equal histories, one that is longer, and where they part", async () => {
    assert.equal(await look([...both("a"), ...both("b")]), "b,a");
    assert.equal(await look([[0, "a"]]), "10.0.0.1:9081 has 1 entries, 10.0.0.2:9081 has 0");
    assert.equal(
      await look([...both("a"), [0, "x"], [1, "y"]]),
      'entry 0 from the newest is "x" at 10.0.0.1:9081, "y" at 10.0.0.2:9081',
    );
  });
});
