import { status } from "@grpc/grpc-js";
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
} from "../../../proto/generated/health.ts";
import type { JoinResponse } from "../../../proto/generated/lightpeer.ts";
import { type Answer, describeFailure, unary } from "./call.ts";
import { Connections, type Stubs } from "./connections.ts";
import { type Deadline, deadlineIn } from "./deadline.ts";
import { historyOf, newestAnswer, readEntries } from "./entries.ts";
import { askFresh } from "./fresh.ts";
import { JOINED_NOBODY, joinEndOf, nameTold } from "./join-errors.ts";
import type { ConnectedAnswer } from "./not-connected.ts";
import type {
  Block,
  Freshness,
  HistoryAnswer,
  JoinEnd,
  Lightpeer,
  NameTold,
  Newest,
  Probe,
  Take,
  Visited,
} from "../lightpeer.ts";
import { readHead, visitedOf } from "./visited.ts";
import { toWire } from "./wire.ts";

/** More than the members of a usual network, so that a step and the next ones connect once. */
const KEPT_CONNECTIONS = 64;

/** Lightpeers over plaintext gRPC. Connections are kept until `release`, of unused ones `kept` at most. */
export const createLightpeerClient = (kept = KEPT_CONNECTIONS): Lightpeer => new GrpcLightpeer(kept);

/**
 * What only reads is asked once more when a connection breaks under it; what changes a peer or is passed on to others
 * (join, visit, notify) is sent once.
 */
class GrpcLightpeer implements Lightpeer {
  readonly #connections: Connections;

  constructor(kept: number) {
    this.#connections = new Connections(kept);
  }

  async probe(address: string, timeoutMs: number): Promise<Probe> {
    const deadline = deadlineIn(timeoutMs);
    return probeOf(await this.#connections.repeatable(address, (stubs) => checkHealth(stubs, deadline)));
  }

  async askFresh(address: string, timeoutMs: number): Promise<Freshness> {
    const deadline = deadlineIn(timeoutMs);
    return askFresh(address, (block, opening) => {
      const call = (stubs: Stubs): Promise<Answer<unknown>> => notify(stubs, block, deadline);
      return opening ? this.#connections.repeatable(address, call) : this.#connections.once(address, call);
    });
  }

  async newest(address: string, timeoutMs: number): Promise<Newest> {
    return newestAnswer(await this.#read(address, timeoutMs, () => "enough"));
  }

  async history(address: string, timeoutMs: number, take: Take): Promise<HistoryAnswer> {
    return historyOf(await this.#read(address, timeoutMs, take));
  }

  async join(address: string, contact: string, timeoutMs: number, giveUp?: AbortSignal): Promise<JoinEnd> {
    const end = await this.#join(address, contact, deadlineIn(timeoutMs), giveUp);
    return end.tag === "failed" ? joinEndOf(end) : { tag: "joined" };
  }

  async askName(address: string, seed: string, timeoutMs: number): Promise<NameTold> {
    const end = await this.#join(address, seed, deadlineIn(timeoutMs));
    return end.tag === "failed" ? nameTold(end) : JOINED_NOBODY;
  }

  async visit(address: string, visitor: string, timeoutMs: number): Promise<Visited> {
    const deadline = deadlineIn(timeoutMs);
    return visitedOf(await this.#connections.once(address, (stubs) => readHead(stubs, visitor, deadline)));
  }

  async notify(address: string, block: Block, timeoutMs: number): ReturnType<Lightpeer["notify"]> {
    const deadline = deadlineIn(timeoutMs);
    const told = await this.#connections.once(address, (stubs) => notify(stubs, block, deadline));
    return told.tag === "failed" ? { tag: "failed", message: describeFailure(told) } : { tag: "accepted" };
  }

  release(): void {
    this.#connections.release();
  }

  #join(
    address: string,
    contact: string,
    deadline: Deadline,
    giveUp?: AbortSignal,
  ): Promise<ConnectedAnswer<JoinResponse>> {
    return this.#connections.once(address, ({ lightpeer }) =>
      unary(
        deadline,
        (metadata, options, done) => lightpeer.joinNetwork({ Address: contact }, metadata, options, done),
        giveUp,
      ),
    );
  }

  #read(address: string, timeoutMs: number, take: Take): ReturnType<typeof readEntries> {
    const deadline = deadlineIn(timeoutMs);
    return this.#connections.repeatable(address, (stubs) => readEntries(stubs, deadline, take));
  }
}

const checkHealth = ({ health }: Stubs, deadline: Deadline): Promise<Answer<HealthCheckResponse>> =>
  unary(deadline, (metadata, options, done) => health.check({ service: "" }, metadata, options, done));

const notify = ({ lightpeer }: Stubs, block: Block, deadline: Deadline): Promise<Answer<unknown>> =>
  unary(deadline, (metadata, options, done) =>
    lightpeer.notifyNewBlock(toWire(block), metadata, options, done),
  );

/** Whatever answers, but not well, is alive: `not-serving`. */
function probeOf(checked: ConnectedAnswer<HealthCheckResponse>): Probe {
  if (checked.tag === "answered") {
    return checked.value.status === HealthCheckResponse_ServingStatus.SERVING ? "serving" : "not-serving";
  }
  if (checked.refused === true) return "refused";
  if (checked.code === status.UNIMPLEMENTED) return "serving";
  return SILENT_CODES.has(checked.code) ? "silent" : "not-serving";
}

/** Codes of a call that nobody answered, or that was not made. */
const SILENT_CODES = new Set([status.DEADLINE_EXCEEDED, status.CANCELLED, status.INVALID_ARGUMENT]);
