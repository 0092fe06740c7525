import { status } from "@grpc/grpc-js";
import { type Answer, type CallFailure, failure } from "./call.ts";

/** `refused`: there was no call, for nobody listens at the address, or it was cut before a word. */
export type ConnectedAnswer<T> =
  Exclude<Answer<T>, CallFailure> | (CallFailure & { readonly refused?: true });

/** How grpc-js begins to tell of a call that was not sent, for there is no connection. Tests hold it to its words. */
const NO_CONNECTION = /^(?:No connection established\. Last error:|Name resolution failed)/;
/** The machine says that nobody listens, or the connection was cut. */
const NOBODY = /\b(?:ECONNREFUSED|ECONNRESET|EPIPE)\b|\bFailed to connect\b|\bclosed\b/;
/** Somebody has answered, but not as an HTTP/2 server does. */
const OTHER_PROTOCOL = /\bProtocol error\b/;

/**
 * What a failed call says of the way to a peer. A host that cannot be reached, or a name that nobody knows, does not prove a
 * process dead: it is as if it had not answered in time.
 */
export function orNotConnected<T>(answer: Answer<T>, address: string): ConnectedAnswer<T> {
  if (answer.tag === "answered" || answer.code !== status.UNAVAILABLE) return answer;
  const { details } = answer;
  if (!NO_CONNECTION.test(details) || OTHER_PROTOCOL.test(details)) return answer;
  if (NOBODY.test(details))
    return { ...failure(status.UNAVAILABLE, `nobody listens at ${address}`), refused: true };
  return failure(status.DEADLINE_EXCEEDED, `${address} does not answer: ${details}`);
}
