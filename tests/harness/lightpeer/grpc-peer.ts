import { randomUUID } from "node:crypto";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { systemTimers, type Timers } from "../timers.ts";
import type { JoinRecord, PeerCalls, PeerHost, PeerOptions, PeerState } from "./calls.ts";
import { grpcDialer } from "./grpc-dialer.ts";
import { addServices } from "./grpc-services.ts";
import { messageLimit } from "./grpc-wire.ts";
import type { Life } from "./life.ts";
import { Machine } from "./machine.ts";
import { healthPeriodMs } from "./peer.ts";
import type { Lan } from "./lan.ts";
import { TcpFront, type Wall } from "./tcp-front.ts";

export interface GrpcPeerOptions extends PeerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one; it stays the same after a restart. */
  readonly port?: number;
  /** Which addresses this peer can connect to; default: all. */
  readonly reaches?: (address: string) => boolean;
  /** What peers reach each other by when their addresses are walled off; default: they are to each other, too. */
  readonly lan?: Lan;
  /** How long it takes to write a block to its file, ms; default 1. */
  readonly writeMs?: number;
  /** Default: real time. */
  readonly timers?: Timers;
  /** Sees what is called, and what is answered, at each process that starts here. */
  readonly seen?: (calls: PeerCalls) => PeerCalls;
}

/** A lightpeer with an address of its own on this machine. */
export interface GrpcPeerHost extends PeerHost {
  /** Nobody gets through to its address from outside, though it runs; undefined: the way is free again. */
  setWall(wall: Wall | undefined): Promise<void>;
  /** It is reached at another host from now on, at the same port, and calls itself as before until it starts again. */
  moveTo(host: string): Promise<void>;
}

/** Starts a lightpeer that answers real gRPC. Kill it in the end. */
export const startGrpcPeer = async (options: GrpcPeerOptions = {}): Promise<GrpcPeerHost> => {
  const front = new TcpFront(options.host ?? "127.0.0.1", options.port ?? 0);
  await front.reserve();
  const { lan } = options;
  const door = lan && new TcpFront("127.0.0.1", 0);
  await door?.reserve();
  if (door) lan?.open(front.address, door.address);
  const { reaches, writeMs = 1, timers = systemTimers, seen = (calls) => calls } = options;
  const machine = new Machine({
    address: front.address,
    name: options.name,
    clock: timers,
    newId: randomUUID,
    writeMs: () => writeMs,
    lacks: options.lacks ?? {},
    firstRoundMs: options.firstRoundMs ?? Math.random() * healthPeriodMs,
    dialerFor: (life) =>
      grpcDialer({
        life,
        ...(reaches && { reaches }),
        ...(lan && { wayTo: (address) => lan.wayTo(address) }),
      }),
  });
  const peer = new GrpcPeer(machine, door ? [front, door] : [front], { timers, seen });
  await peer.serve();
  return peer;
};

class GrpcPeer implements GrpcPeerHost {
  readonly #machine: Machine;
  /** The first is its address. */
  readonly #fronts: [TcpFront, ...TcpFront[]];
  #port = 0;
  readonly #around: Required<Pick<GrpcPeerOptions, "timers" | "seen">>;

  constructor(
    machine: Machine,
    fronts: [TcpFront, ...TcpFront[]],
    around: Required<Pick<GrpcPeerOptions, "timers" | "seen">>,
  ) {
    this.#machine = machine;
    this.#fronts = fronts;
    this.#around = around;
  }

  get address(): string {
    return this.#fronts[0].address;
  }

  setWall(wall: Wall | undefined): Promise<void> {
    return this.#fronts[0].setWall(wall);
  }

  async moveTo(host: string): Promise<void> {
    const [before] = this.#fronts;
    const front = new TcpFront(host, Number(before.address.slice(before.address.lastIndexOf(":") + 1)));
    await front.reserve();
    front.serve(this.#port);
    this.#fronts[0] = front;
    await before.die();
  }

  get lives(): number {
    return this.#machine.lives;
  }

  get status(): Life["status"] {
    return this.#machine.life.status;
  }

  get state(): PeerState {
    return this.#machine.state;
  }

  get joins(): readonly JoinRecord[] {
    return this.#machine.joins;
  }

  async serve(): Promise<void> {
    const { life, calls } = this.#machine;
    const server = new Server({
      "grpc.max_receive_message_length": messageLimit,
      "grpc.max_send_message_length": -1,
    });
    const { timers, seen } = this.#around;
    addServices(server, seen(calls), { life, timers });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    this.#port = port;
    for (const front of this.#fronts) front.serve(port);
    // A process dies by itself, too: a join whose stream ends without a block.
    life.onDeath(() => {
      for (const front of this.#fronts) void front.die();
      server.forceShutdown();
    });
  }

  async kill(): Promise<void> {
    this.#machine.life.kill();
    await Promise.all(this.#fronts.map((front) => front.die()));
  }

  hang(): void {
    if (this.status !== "running") return;
    this.#machine.life.hang();
    for (const front of this.#fronts) front.stop();
  }

  wake(): void {
    if (this.status !== "hung") return;
    this.#machine.life.wake();
    for (const front of this.#fronts) front.go();
  }

  async restart(): Promise<void> {
    await this.kill();
    await Promise.all(this.#fronts.map((front) => front.reserve()));
    this.#machine.reboot(this.address);
    await this.serve();
  }
}
