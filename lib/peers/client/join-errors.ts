import { status } from "@grpc/grpc-js";
import { type CallFailure, describeFailure } from "./call.ts";
import { nameInDenial } from "../denial.ts";
import type { JoinEnd, NameTold } from "../lightpeer.ts";

/**
 * What a lightpeer's errors mean. It answers UNKNOWN to nearly everything that goes wrong, so behind that code its
 * words are read, here and nowhere else. They come from a Go peer: `PREFIX: ... rpc error: code = NAME desc = ...`.
 */

/** The joiner could not even send its request to the contact. */
const UNSENT = "connect new peer request failed";
/** The contact answered the joiner with an error, or in the middle of its chain no more. */
const STREAM = "could not process block stream";
/** A peer that tells its members of a block stops at the first that refuses it; those before it have moved on. */
const NOT_NOTIFIED = "could not send new block notifications";
/** The block does not link to what the peer has as its newest. */
const NOT_ON_TOP = "invalid parent";

/** What a failed JoinNetwork means. What is not known for certain is `unclear`: the network may be broken. */
export function joinEndOf(failed: CallFailure): Exclude<JoinEnd, { tag: "joined" }> {
  const message = describeFailure(failed);
  if (innerCode(failed, UNSENT) === "Unavailable") return { tag: "unreachable", message };
  if (innerCode(failed, STREAM) === "PermissionDenied") return { tag: "denied", message };
  return { tag: "unclear", message };
}

/**
 * The name in a failed JoinNetwork through klight's seed. A request that never got to the seed shows a way that is
 * closed, also where that took the whole time.
 */
export function nameTold(failed: CallFailure): NameTold {
  const message = describeFailure(failed);
  const name = innerCode(failed, STREAM) === "PermissionDenied" ? nameInDenial(failed.details) : undefined;
  if (name !== undefined) return { tag: "name", name };
  if (innerCode(failed, UNSENT) !== undefined) return { tag: "unreachable", message };
  return { tag: NO_ANSWER.has(failed.code) ? "silent" : "failed", message };
}

/** The seed lets nobody in who is asked, so whoever says that it has joined was not refused by it. */
export const JOINED_NOBODY: NameTold = {
  tag: "failed",
  message: "it says that it has joined the seed, which has refused it",
};

/** Codes of a call that was not answered. */
const NO_ANSWER = new Set([status.DEADLINE_EXCEEDED, status.UNAVAILABLE, status.CANCELLED]);

/** Whether a NotifyNewBlock failed because the block does not link to the newest one of the peer. */
export const isNotOnTop = (failed: CallFailure): boolean =>
  failed.code === status.UNKNOWN && failed.details.includes(NOT_ON_TOP);

/** Whether a ConnectNewPeer failed because a listed member refused the block: the network is broken. */
export const isFailedNotification = (failed: CallFailure): boolean =>
  failed.code === status.UNKNOWN && failed.details.startsWith(NOT_NOTIFIED);

/** The code that the peer itself got when it failed with these words; its first one, the others come from further away. */
function innerCode(failed: CallFailure, words: string): string | undefined {
  if (failed.code !== status.UNKNOWN || !failed.details.startsWith(words)) return undefined;
  return /rpc error: code = (\w+)/.exec(failed.details)?.[1];
}
