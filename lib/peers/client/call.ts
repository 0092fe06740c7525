import { constants } from "node:http2";
import { status } from "@grpc/grpc-js";
import { type Answer, failure, late } from "./answer.ts";
import { broken, type CallTold, endOfCall } from "./call-end.ts";
import type { Connection } from "./connect.ts";
import type { Deadline } from "./deadline.ts";
import { framed, MessageReader, type TakeMessage } from "./messages.ts";

/** One gRPC call; `method` as the generated code describes it. */
export interface Call<Request, Response> {
  readonly connection: Connection;
  readonly method: {
    readonly path: string;
    readonly requestSerialize: (request: Request) => Buffer;
    readonly responseDeserialize: (message: Buffer) => Response;
  };
  readonly request: Request;
  readonly deadline: Deadline;
  readonly giveUp?: AbortSignal | undefined;
}

/** Runs a call with one response. */
export async function unary<Request, Response>(call: Call<Request, Response>): Promise<Answer<Response>> {
  const responses: Response[] = [];
  const end = await streamed(call, (message) => {
    responses.push(call.method.responseDeserialize(message));
    return "more";
  });
  if (end.tag === "failed") return end;
  const [value] = responses;
  return value === undefined
    ? failure(status.INTERNAL, "neither an error nor a response")
    : { tag: "answered", value };
}

/**
 * Runs a call with a stream of responses until it ends or `take` has had enough; what comes after that is not read.
 * `answered` says which of the two it was. Each message is its taker's to keep. The call is sent at most once, and ends
 * at its deadline, of which the peer is told.
 */
export function streamed<Request>(
  { connection, method, request, deadline, giveUp }: Call<Request, unknown>,
  take: TakeMessage,
): Promise<Answer<"ended" | "enough">> {
  if (giveUp?.aborted) return Promise.resolve(failure(status.CANCELLED, "given up before it was sent"));
  const { session, address } = connection;
  if (session.closed || session.destroyed) return Promise.resolve(broken());
  return new Promise((resolve) => {
    const stream = session.request(headersFor(address, method.path, deadline));
    const messages = new MessageReader(take);
    const told: CallTold = {};
    const cancel = (): void => {
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const finish = (answer: Answer<"ended" | "enough">): void => {
      clearTimeout(timer);
      giveUp?.removeEventListener("abort", cancel);
      stream.removeAllListeners("data").resume();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      finish(late());
      cancel();
    }, deadline.left());
    giveUp?.addEventListener("abort", cancel);
    stream.on("response", (headers) => void Object.assign(told, headers));
    stream.on("trailers", (trailers) => void Object.assign(told, trailers));
    stream.on("data", (chunk: Buffer) => {
      const next = messages.read(chunk);
      if (next === "more") return;
      finish(next === "enough" ? { tag: "answered", value: next } : failure(next.code, next.details));
      cancel();
    });
    // It closes then, and how it ended is told there.
    stream.on("error", () => {});
    stream.once("close", () => {
      finish(endOfCall(told, { isCut: messages.isCut, isBroken: session.destroyed, reset: stream.rstCode }));
    });
    stream.end(framed(method.requestSerialize(request)));
  });
}

const headersFor = (address: string, path: string, deadline: Deadline): Readonly<Record<string, string>> => ({
  ":method": "POST",
  ":authority": address,
  ":path": path,
  "content-type": "application/grpc",
  te: "trailers",
  "user-agent": "klight",
  "grpc-timeout": `${Math.max(1, Math.ceil(deadline.left()))}m`,
});
