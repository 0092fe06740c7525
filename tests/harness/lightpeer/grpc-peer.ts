import { randomUUID } from "node:crypto";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { systemTimers, type Timers } from "../timers.ts";
import type { JoinRecord, PeerCalls, PeerHost, PeerOptions, PeerState } from "./calls.ts";
import { grpcDialer } from "./grpc-dialer.ts";
import { addServices } from "./grpc-services.ts";
import type { Life } from "./life.ts";
import { Machine } from "./machine.ts";
import { healthPeriodMs } from "./peer.ts";
import { TcpFront } from "./tcp-front.ts";

export interface GrpcPeerOptions extends PeerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one; it stays the same after a restart. */
  readonly port?: number;
  /** Which addresses this peer can connect to; default: all. */
  readonly reaches?: (address: string) => boolean;
  /** Default: real time. */
  readonly timers?: Timers;
  /** Sees what is called, and what is answered, at each process that starts here. */
  readonly seen?: (calls: PeerCalls) => PeerCalls;
}

/** Starts a lightpeer that answers real gRPC. Kill it in the end. */
export const startGrpcPeer = async (options: GrpcPeerOptions = {}): Promise<PeerHost> => {
  const front = new TcpFront(options.host ?? "127.0.0.1", options.port ?? 0);
  await front.reserve();
  const { reaches, timers = systemTimers, seen = (calls) => calls } = options;
  const machine = new Machine({
    address: front.address,
    name: options.name,
    clock: timers,
    newId: randomUUID,
    writeMs: () => 1,
    lacks: options.lacks ?? {},
    firstRoundMs: options.firstRoundMs ?? Math.random() * healthPeriodMs,
    dialerFor: (life) => grpcDialer({ life, ...(reaches && { reaches }) }),
  });
  const peer = new GrpcPeer(machine, front, { timers, seen });
  await peer.serve();
  return peer;
};

class GrpcPeer implements PeerHost {
  readonly #machine: Machine;
  readonly #front: TcpFront;
  readonly #around: Required<Pick<GrpcPeerOptions, "timers" | "seen">>;

  constructor(machine: Machine, front: TcpFront, around: Required<Pick<GrpcPeerOptions, "timers" | "seen">>) {
    this.#machine = machine;
    this.#front = front;
    this.#around = around;
  }

  get address(): string {
    return this.#front.address;
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
    const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
    const { timers, seen } = this.#around;
    addServices(server, seen(calls), { life, timers });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    this.#front.serve(port);
    // A process dies by itself, too: a join whose stream ends without a block.
    life.onDeath(() => {
      void this.#front.die();
      server.forceShutdown();
    });
  }

  async kill(): Promise<void> {
    this.#machine.life.kill();
    await this.#front.die();
  }

  hang(): void {
    if (this.status !== "running") return;
    this.#machine.life.hang();
    this.#front.stop();
  }

  wake(): void {
    if (this.status !== "hung") return;
    this.#machine.life.wake();
    this.#front.go();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#front.reserve();
    this.#machine.reboot();
    await this.serve();
  }
}
