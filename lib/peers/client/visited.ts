import * as z from "zod";
import { type Answer, describeFailure, failure } from "./answer.ts";
import { streamed } from "./call.ts";
import { status } from "@grpc/grpc-js";
import type { Connection } from "./connect.ts";
import type { Deadline } from "./deadline.ts";
import { isFailedNotification } from "./join-errors.ts";
import type { Block, Visited } from "../lightpeer.ts";
import { fromWire } from "./wire.ts";
import { type Lightblock, LightpeerService } from "../../../proto/generated/lightpeer.ts";

/** The payload of a NETWORK block; a peer may say more about its members. */
const Members = z.array(z.object({ Address: z.string() }));

/**
 * Has `visitor` taken in and reads the newest block. The peer tells its members and stores the block before it streams,
 * so hanging up after the first block changes nothing.
 */
export async function readHead(
  connection: Connection,
  visitor: string,
  deadline: Deadline,
): Promise<Answer<Lightblock>> {
  let head: Lightblock | undefined;
  const request = { Peer: { Address: visitor, Name: "klight" } };
  const method = LightpeerService.connectNewPeer;
  const end = await streamed({ connection, method, request, deadline }, (message) => {
    head = method.responseDeserialize(message);
    return "enough";
  });
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
