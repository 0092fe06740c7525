import { constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from "node:http2";
import { status } from "@grpc/grpc-js";
import { type Answer, type CallFailure, failure } from "./answer.ts";

/** What the headers and trailers of a response say. */
export type CallTold = IncomingHttpHeaders & IncomingHttpStatusHeader;

export const broken = (): CallFailure => failure(status.UNAVAILABLE, "the connection is broken");

/** How a call ended that ended by itself: as the peer has said it; else as HTTP has. */
export function endOfCall(
  told: CallTold,
  { isCut, isBroken, reset }: { readonly isCut: boolean; readonly isBroken: boolean; readonly reset: number },
): Answer<"ended"> {
  const { "grpc-status": code, "grpc-message": message, ":status": http = 200 } = told;
  if (code !== undefined) {
    if (code !== String(status.OK)) return failure(codeOf(code), unescapedText(message));
    return isCut
      ? failure(status.INTERNAL, "the last message is not whole")
      : { tag: "answered", value: "ended" };
  }
  if (http !== 200) return failure(CODE_OF_HTTP[http] ?? status.UNKNOWN, `HTTP status ${http}`);
  if (isBroken) return broken();
  return failure(CODE_OF_RESET[reset] ?? status.INTERNAL, `the call was ended by HTTP/2 code ${reset}`);
}

function codeOf(text: string | readonly string[]): status {
  const code = Number(text);
  return code in status ? code : status.UNKNOWN;
}

/** It is percent-encoded; what is not is taken as it is. */
function unescapedText(message: string | readonly string[] = ""): string {
  try {
    return decodeURIComponent(String(message));
  } catch {
    return String(message);
  }
}

/** What gRPC says of an answer that is none of gRPC's. */
const CODE_OF_HTTP: Readonly<Record<number, status>> = {
  400: status.INTERNAL,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.UNIMPLEMENTED,
  429: status.UNAVAILABLE,
  502: status.UNAVAILABLE,
  503: status.UNAVAILABLE,
  504: status.UNAVAILABLE,
};

/** And of a stream that ended without a status. */
const CODE_OF_RESET: Readonly<Record<number, status>> = {
  [constants.NGHTTP2_REFUSED_STREAM]: status.UNAVAILABLE,
  [constants.NGHTTP2_CANCEL]: status.CANCELLED,
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: status.RESOURCE_EXHAUSTED,
  [constants.NGHTTP2_INADEQUATE_SECURITY]: status.PERMISSION_DENIED,
};
