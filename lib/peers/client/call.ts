import {
  type CallOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { Deadline } from "./deadline.ts";

/** A call that was not answered, or with an error. `details` are the words of who answered, or of gRPC itself. */
export interface CallFailure {
  readonly tag: "failed";
  readonly code: status;
  readonly details: string;
}

export type Answer<T> = { readonly tag: "answered"; readonly value: T } | CallFailure;

export const failure = (code: status, details: string): CallFailure => ({ tag: "failed", code, details });

/** For people: the name of the code, and the words. */
export const describeFailure = ({ code, details }: CallFailure): string => `${status[code]}: ${details}`;

const callFailureOf = ({ code, details }: ServiceError): CallFailure => failure(code, details);

const late = (): CallFailure => failure(status.DEADLINE_EXCEEDED, "no answer in time");

/** Runs a call with one response. The timer is klight's own: gRPC cannot outlive it. */
export function unary<Response>(
  deadline: Deadline,
  start: (
    metadata: Metadata,
    options: CallOptions,
    done: (error: ServiceError | null, response?: Response) => void,
  ) => ClientUnaryCall,
  giveUp?: AbortSignal,
): Promise<Answer<Response>> {
  if (giveUp?.aborted) return Promise.resolve(failure(status.CANCELLED, "given up before it was sent"));
  return new Promise((resolve) => {
    const cancel = (): void => {
      call.cancel();
    };
    const call = start(new Metadata(), optionsOf(deadline), (error, value) => {
      clearTimeout(timer);
      giveUp?.removeEventListener("abort", cancel);
      if (value !== undefined) resolve({ tag: "answered", value });
      else
        resolve(error ? callFailureOf(error) : failure(status.INTERNAL, "neither an error nor a response"));
    });
    giveUp?.addEventListener("abort", cancel);
    const timer = setTimeout(() => {
      resolve(late());
      cancel();
    }, deadline.left());
  });
}

/**
 * Runs a call with a stream of responses until it ends or `take` has had enough; what comes after that is not read.
 * `answered` says which of the two it was.
 */
export function streamed<Response>(
  deadline: Deadline,
  start: (metadata: Metadata, options: CallOptions) => ClientReadableStream<Response>,
  take: (response: Response) => "more" | "enough",
): Promise<Answer<"ended" | "enough">> {
  return new Promise((resolve) => {
    const call = start(new Metadata(), optionsOf(deadline));
    const finish = (answer: Answer<"ended" | "enough">): void => {
      clearTimeout(timer);
      call.removeAllListeners("data");
      resolve(answer);
    };
    const timer = setTimeout(() => {
      finish(late());
      call.cancel();
    }, deadline.left());
    call.on("data", (response: Response) => {
      if (take(response) === "more") return;
      finish({ tag: "answered", value: "enough" });
      call.cancel();
    });
    // A cancelled call ends with an error as well, which must find a listener.
    call.on("error", (error: ServiceError) => {
      finish(callFailureOf(error));
    });
    // After the last response; a stream that fails says so by an error before it ends.
    call.on("end", () => {
      finish({ tag: "answered", value: "ended" });
    });
  });
}

const optionsOf = (deadline: Deadline): CallOptions => ({ deadline: Date.now() + deadline.left() });
