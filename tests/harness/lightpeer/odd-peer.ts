import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { ConnectRequest, JoinRequest, LightpeerService } from "../../../proto/generated/lightpeer.ts";
import type { JoinRecord, PeerHost, PeerState } from "./calls.ts";
import { type GrpcPeerHost, startGrpcPeer } from "./grpc-peer.ts";

/**
 * What a peer does that no lightpeer would, on the wire. As an answer to Query, without end: `empty` entries, entries of
 * 60 MB that are `huge`, `bombs` of gzip that are 600 MB each, or a `lie` about the length of an entry of which nothing
 * follows. `deaf`: told to join, it comes to whom it is told and reads nothing there.
 */
export type Oddity = "empty" | "huge" | "bombs" | "lie" | "deaf";

export interface OddPeer extends PeerHost {
  /** From now on it does this; undefined: nothing odd. */
  oddity: Oddity | undefined;
  /** Connections on which it is deaf. */
  readonly deaf: number;
}

/** A lightpeer, seen through a connection that changes what it says. */
export async function startOddPeer(oddity?: Oddity): Promise<OddPeer> {
  // By default Node turns away what else is asked on a connection that has so much to send.
  const server = createServer({ maxSessionMemory: 1_000 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new Between(server, address, await startGrpcPeer({ name: address }), oddity);
}

class Between implements OddPeer {
  readonly address: string;
  readonly #inner: GrpcPeerHost;
  oddity: Oddity | undefined;
  readonly #server: Http2Server;
  readonly #way: ClientHttp2Session;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #unread = new Set<ClientHttp2Session>();

  constructor(server: Http2Server, address: string, inner: GrpcPeerHost, oddity?: Oddity) {
    this.#server = server;
    this.address = address;
    this.#inner = inner;
    this.oddity = oddity;
    this.#way = connect(`http://${inner.address}`);
    this.#way.on("error", () => {});
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("error", () => {});
      session.on("close", () => this.#sessions.delete(session));
    });
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      this.#answer(stream, headers);
    });
  }

  get lives(): number {
    return this.#inner.lives;
  }

  get status(): PeerHost["status"] {
    return this.#inner.status;
  }

  get state(): PeerState {
    return this.#inner.state;
  }

  get joins(): readonly JoinRecord[] {
    return this.#inner.joins;
  }

  hang(): void {
    this.#inner.hang();
  }

  wake(): void {
    this.#inner.wake();
  }

  restart(): Promise<void> {
    return this.#inner.restart();
  }

  get deaf(): number {
    return this.#unread.size;
  }

  async kill(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of [...this.#sessions, ...this.#unread]) session.destroy();
    this.#way.destroy();
    await Promise.all([closed, this.#inner.kill()]);
  }

  #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { oddity } = this;
    const path = headers[":path"];
    if (oddity === "deaf" && path === LightpeerService.joinNetwork.path) this.#comeDeaf(stream);
    else if (oddity !== undefined && oddity !== "deaf" && path === LightpeerService.query.path)
      void pour(stream, oddity);
    else this.#relay(stream, headers);
  }

  #relay(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const way = this.#way.request(headers, { endStream: false });
    let trailers: IncomingHttpHeaders = {};
    way.on("error", () => stream.close(constants.NGHTTP2_CANCEL));
    way.on("response", ({ ...answer }, flags) => {
      if (stream.closed) return;
      const isAll = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond(answer, isAll ? { endStream: true } : { waitForTrailers: true });
    });
    way.on("trailers", (last: IncomingHttpHeaders) => {
      trailers = last;
    });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.on("close", () => way.close());
    stream.pipe(way);
    way.pipe(stream);
  }

  /** The join that it was told of never ends. */
  #comeDeaf(stream: ServerHttp2Stream): void {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      const { Address } = JoinRequest.decode(Buffer.concat(parts).subarray(PREFIX_BYTES));
      const session = connect(`http://${Address}`);
      this.#unread.add(session);
      session.on("error", () => {});
      session.on("close", () => this.#unread.delete(session));
      const request = ConnectRequest.encode({ Peer: { Address: this.address, Name: "" } }).finish();
      const call = session.request({
        ":method": "POST",
        ":path": LightpeerService.connectNewPeer.path,
        "content-type": "application/grpc",
        te: "trailers",
      });
      call.on("error", () => {});
      call.end(framed(request));
    });
  }
}

const PREFIX_BYTES = 5;
const HUGE_BYTES = 60_000_000;
/** As much as a message may be, so that it is waited for. */
const LIE_BYTES = 4_000_000;

/** A message of gRPC; `length` where that is not how long it is. */
function framed(
  message: Uint8Array,
  {
    isPacked = false,
    length = message.byteLength,
  }: { readonly isPacked?: boolean; readonly length?: number } = {},
): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix[0] = isPacked ? 1 : 0;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

/** An answer to Query with one entry of so many zeros. */
function entryOf(bytes: number): Buffer {
  const head = [0x0a];
  for (let left = bytes; ; left >>>= 7) {
    head.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
    if (left <= 0x7f) return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes)]);
  }
}

/** What one round of it is. The members of a gzip file are unpacked one after the other. */
const rounds: Record<Exclude<Oddity, "deaf">, () => Buffer> = {
  empty: () => Buffer.alloc(10_000 * PREFIX_BYTES),
  huge: () => framed(entryOf(HUGE_BYTES)),
  bombs: () => {
    const member = gzipSync(entryOf(HUGE_BYTES));
    return framed(Buffer.concat(Array.from({ length: 10 }, () => member)), { isPacked: true });
  },
  lie: () => framed(Buffer.alloc(10), { length: LIE_BYTES }),
};

async function pour(stream: ServerHttp2Stream, oddity: keyof typeof rounds): Promise<void> {
  stream.resume();
  stream.respond({
    ":status": 200,
    "content-type": "application/grpc",
    ...(oddity === "bombs" && { "grpc-encoding": "gzip" }),
  });
  const round = rounds[oddity]();
  const closed = once(stream, "close");
  if (oddity === "lie") {
    stream.write(round);
    await closed;
  }
  while (!stream.closed) if (!stream.write(round)) await Promise.race([once(stream, "drain"), closed]);
}
