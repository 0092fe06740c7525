import { Channel, type ChannelOptions, connectivityState, status } from "@grpc/grpc-js";
import { HealthClient } from "../../../proto/generated/health.ts";
import { LightpeerClient } from "../../../proto/generated/lightpeer.ts";
import { parseAddress, targetOf } from "../address.ts";
import { MAX_MESSAGE_BYTES } from "../lightpeer.ts";
import { type Answer, failure } from "./call.ts";
import { type ConnectedAnswer, orNotConnected } from "./not-connected.ts";
import { plaintextConnection } from "./plaintext.ts";

/**
 * One channel is one connection here: a broken one is dropped, not repaired, so that a process which comes back is
 * reached at once. Retries are off, for a JoinNetwork must never be sent twice.
 */
const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.enable_http_proxy": 0,
  "grpc.enable_retries": 0,
  "grpc.enable_channelz": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.service_config_disable_resolution": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 100,
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": -1,
};

/** What a call runs on. */
export interface Stubs {
  readonly lightpeer: LightpeerClient;
  readonly health: HealthClient;
}

/** Codes after which the next call finds out anew who answers: of what is gone without a word nothing comes back. */
const IN_DOUBT = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** How long a connection may be kept for the next step after a release, ms. */
const LINGER_MS = 2_000;

interface PeerConnection {
  readonly channel: Channel;
  readonly stubs: Stubs;
  /** Ends all of it, also an attempt to connect that is under way. */
  readonly close: () => void;
  /** Calls that run on it. */
  calls: number;
}

/**
 * Connections to peers, one for each address, kept until they break or are released, and so many at most besides
 * those with calls: an instance that always has a step under way, now in this network, now in that, never releases.
 */
export class Connections {
  /** That which was used last is the last. */
  readonly #open = new Map<string, PeerConnection>();
  readonly #kept: number;
  #closing: NodeJS.Timeout | undefined;

  constructor(kept: number) {
    this.#kept = kept;
  }

  /**
   * Runs one call, which is sent when a server has answered at the address, and not where that does not happen in time.
   * Whether it has reached the peer when it fails with UNAVAILABLE is not known.
   */
  async once<T>(address: string, call: (stubs: Stubs) => Promise<Answer<T>>): Promise<ConnectedAnswer<T>> {
    const endpoint = parseAddress(address);
    if (endpoint === undefined) {
      return failure(status.INVALID_ARGUMENT, `"${address}" is not an address like 10.0.0.1:9081`);
    }
    const connection = this.#usable(address) ?? this.#create(targetOf(endpoint));
    connection.calls += 1;
    this.#open.delete(address);
    this.#open.set(address, connection);
    const answer = orNotConnected(await call(connection.stubs), address);
    const isInDoubt = answer.tag === "failed" && IN_DOUBT.has(answer.code);
    if (isInDoubt && this.#open.get(address) === connection) this.#open.delete(address);
    connection.calls -= 1;
    if (connection.calls === 0 && this.#open.get(address) !== connection) connection.close();
    this.#dropUnused();
    return answer;
  }

  /** Runs a call that may be repeated: a connection that breaks under it may belong to a process that is gone. */
  async repeatable<T>(
    address: string,
    call: (stubs: Stubs) => Promise<Answer<T>>,
  ): Promise<ConnectedAnswer<T>> {
    const first = await this.once(address, call);
    const broke = first.tag === "failed" && first.code === status.UNAVAILABLE && first.refused !== true;
    return broke ? this.once(address, call) : first;
  }

  release(): void {
    if (this.#closing !== undefined) return;
    this.#closing = setTimeout(() => {
      this.#closing = undefined;
      for (const [address, connection] of this.#open) {
        if (connection.calls === 0) this.#drop(address, connection);
      }
    }, LINGER_MS).unref();
  }

  /** Those first that nobody has used for longest. */
  #dropUnused(): void {
    for (const [address, connection] of this.#open) {
      if (this.#open.size <= this.#kept) return;
      if (connection.calls === 0) this.#drop(address, connection);
    }
  }

  /** A connection that is up or just being made, for all that is known. */
  #usable(address: string): PeerConnection | undefined {
    const connection = this.#open.get(address);
    if (connection === undefined) return undefined;
    const state = connection.channel.getConnectivityState(false);
    const { CONNECTING, IDLE, READY } = connectivityState;
    if (state === READY || state === CONNECTING) return connection;
    // Before its first call a channel is idle; afterwards that means that the connection is gone.
    if (state === IDLE && connection.calls > 0) return connection;
    this.#drop(address, connection);
    return undefined;
  }

  #create(target: string): PeerConnection {
    const { credentials, hangUp } = plaintextConnection();
    const channel = new Channel(target, credentials, CHANNEL_OPTIONS);
    const shared = { channelOverride: channel };
    const stubs = {
      lightpeer: new LightpeerClient(target, credentials, shared),
      health: new HealthClient(target, credentials, shared),
    };
    const close = (): void => {
      const isConnected = channel.getConnectivityState(false) === connectivityState.READY;
      channel.close();
      if (!isConnected) hangUp();
    };
    return { channel, stubs, close, calls: 0 };
  }

  /** Nobody gets it any more; the last call on it closes it. */
  #drop(address: string, { close, calls }: PeerConnection): void {
    this.#open.delete(address);
    if (calls === 0) close();
  }
}
