import * as z from "zod";
import { type Answer, describeFailure, failure, streamed } from "./call.ts";
import { status } from "@grpc/grpc-js";
import type { Stubs } from "./connections.ts";
import type { Deadline } from "./deadline.ts";
import { isFailedNotification } from "./join-errors.ts";
import type { Block, Visited } from "../lightpeer.ts";
import { fromWire } from "./wire.ts";
import type { Lightblock } from "../../../proto/generated/lightpeer.ts";

/** The payload of a NETWORK block; a peer may say more about its members. */
const Members = z.array(z.object({ Address: z.string() }));

/**
 * Has `visitor` taken in and reads the newest block. The peer tells its members and stores the block before it streams,
 * so hanging up after the first block changes nothing.
 */
export async function readHead(
  { lightpeer }: Stubs,
  visitor: string,
  deadline: Deadline,
): Promise<Answer<Lightblock>> {
  let head: Lightblock | undefined;
  const end = await streamed(
    deadline,
    (metadata, options) =>
      lightpeer.connectNewPeer({ Peer: { Address: visitor, Name: "klight" } }, metadata, options),
    (block) => {
      head = block;
      return "enough";
    },
  );
  if (end.tag === "failed") return end;
  return head === undefined
    ? failure(status.INTERNAL, "a chain without a block")
    : { tag: "answered", value: head };
}

export function visitedOf(read: Answer<Lightblock>): Visited {
  if (read.tag === "failed") {
    return { tag: isFailedNotification(read) ? "broken" : "failed", message: describeFailure(read) };
  }
  const head = fromWire(read.value);
  const list = head?.kind === "network" ? peersListedIn(head) : undefined;
  if (head === undefined || list === undefined) {
    return { tag: "failed", message: `the newest block, "${read.value.ID}", holds no list of peers` };
  }
  return { tag: "visited", head, list };
}

function peersListedIn({ payload }: Block): readonly string[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
  const members = Members.safeParse(json);
  return members.success ? members.data.map(({ Address }) => Address) : undefined;
}
