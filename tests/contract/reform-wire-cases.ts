import assert from "node:assert/strict";
import { type ClientHttp2Session, connect } from "node:http2";
import { ConnectRequest, LightpeerService } from "../../proto/generated/lightpeer.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { ok } from "../harness/lightpeer/status.ts";
import type { Scenario } from "./lightpeer-worlds.ts";
import { assertWhole, reformed, settled, take } from "./reform-cases.ts";

/** An entry that is stored and acknowledged, and too long for the message that would tell the others of it. */
const TOO_LONG = "x".repeat(4 * 1_024 * 1_024 - 60);

/** ConnectNewPeer that never reads more than its first bytes. */
const comeWithoutReading = (seed: string, peer: string): ClientHttp2Session => {
  const session = connect(`http://${seed}`);
  session.on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": LightpeerService.connectNewPeer.path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  const message = ConnectRequest.encode({ Peer: { Address: peer, Name: "" } }).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  stream.end(Buffer.concat([head, message]));
  return session;
};

/** What only shows where bytes move. */
export const wireCases: Readonly<Record<string, Scenario>> = {
  "goes on without a member that holds an entry which no other can take, and keeps all else of it": async (
    world,
  ) => {
    const members = await world.network(3);
    const [first, second, stuck] = members;
    assert.ok(first && second && stuck);
    assert.deepEqual(await world.persist(first, "shared"), ok);
    assert.deepEqual(await world.persist(stuck, TOO_LONG), ok);
    const settings = { historyLimit: 64 * 1_024 * 1_024 };
    const end = await reformed(world, { members, settings });
    assert.ok(end.tag === "whole", end.tag === "held" ? end.outcome.message : "");
    assert.deepEqual(
      end.list.map(({ address }) => address),
      [first.address, second.address],
    );
    const [out] = end.leftOut;
    assert.equal(out?.address, stuck.address);
    assert.match(out.why, /holds an entry of 4194244 bytes/);
    await settled(world);
    await assertWhole(world, [first, second], ["shared"]);
    assert.deepEqual(await world.entries(stuck), [TOO_LONG, "shared"]);
    assert.equal((await world.persist(stuck, "more")).tag, "failed");
    // It comes in again only without the entry, and nothing is touched meanwhile.
    const again = await reformed(world, { members: [first, second], joiners: [stuck], settings });
    assert.ok(again.tag === "held");
    assert.deepEqual([again.outcome.reason, again.touched], ["EntryTooLong", false]);
    await assertWhole(world, [first, second], await world.entries(first));
  },

  "touches nothing where the only member holds such an entry": async (world) => {
    const [member, joiner] = [await world.start(), await world.start()];
    assert.deepEqual(await world.persist(member, TOO_LONG), ok);
    const settings = { historyLimit: 64 * 1_024 * 1_024 };
    const end = await reformed(world, { members: [member], joiners: [joiner], settings });
    assert.ok(end.tag === "held");
    assert.deepEqual([end.outcome.reason, end.touched], ["EntryTooLong", false]);
    assert.deepEqual(await world.entries(member), [TOO_LONG]);
  },

  "goes on without a peer that never reads what it is given": async (world) => {
    const members = await world.network(2);
    const long = ["0", "1", "2"].map((digit) => digit.repeat(1_024 * 1_024));
    for (const entry of long) assert.deepEqual(await world.persist(take(members, 0), entry), ok);
    const sessions: ClientHttp2Session[] = [];
    let address = "";
    const deaf = {
      check: async () => ok,
      query: async () => ok,
      joinNetwork: (_ctx: unknown, contact: string): Promise<never> => {
        sessions.push(comeWithoutReading(contact, address));
        return new Promise(() => {});
      },
    };
    address = await world.listen(deaf);
    const settings = { historyLimit: 64 * 1_024 * 1_024, joinTimeoutMs: 1_500 };
    const from = world.now();
    const end = await reformed(world, { members, joiners: [{ address } as PeerHost], settings });
    assert.ok(end.tag === "whole", end.tag === "held" ? end.outcome.message : "");
    assert.ok(world.now() - from < 20_000, `it took ${world.now() - from} ms`);
    assert.deepEqual(
      end.leftOut.map((out) => out.address),
      [address],
    );
    for (const session of sessions) session.destroy();
    await settled(world);
    await assertWhole(world, members, long);
  },
};
