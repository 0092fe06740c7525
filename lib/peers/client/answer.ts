import { status } from "@grpc/grpc-js";

/** A call that was not answered, or with an error. `details` are the words of who answered, or of klight itself. */
export interface CallFailure {
  readonly tag: "failed";
  readonly code: status;
  readonly details: string;
}

export type Answer<T> = { readonly tag: "answered"; readonly value: T } | CallFailure;

export const failure = (code: status, details: string): CallFailure => ({ tag: "failed", code, details });

/** For people: the name of the code, and the words. */
export const describeFailure = ({ code, details }: CallFailure): string => `${status[code]}: ${details}`;

export const late = (): CallFailure => failure(status.DEADLINE_EXCEEDED, "no answer in time");
