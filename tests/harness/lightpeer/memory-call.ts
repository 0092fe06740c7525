import type { Block } from "../../../lib/peers/lightpeer.ts";
import type { Timers } from "../timers.ts";
import type { PeerCalls } from "./calls.ts";
import { Context } from "./context.ts";
import type { Life } from "./life.ts";
import { failed, unsent, type Reply } from "./status.ts";

/** The way from one process to an address. */
export interface Route {
  readonly to: string;
  readonly caller: Life;
  /** The caller is a lightpeer, not a client. */
  readonly isPeer: boolean;
  readonly timers: Timers;
  readonly latency: { connect(): number; way(): number; item(): number };
  /** Who answers there now; undefined: connections are refused. */
  readonly find: () => { readonly life: Life; readonly calls: PeerCalls } | undefined;
}

/**
 * A deadline comes to a peer this much before its client gives up, so that the peer's own text is the answer, as it was
 * with clients that are not quite on time. Between peers it comes to the caller first. Ms.
 */
const deadlineMargin = 3;

type Serve<Item> = (peer: PeerCalls, ctx: Context, give: (item: Item) => void) => Promise<Reply>;

const ignore = (): void => {};

/** The calls of a process to one address. */
export class MemoryCalls implements PeerCalls {
  readonly #route: Route;

  constructor(route: Route) {
    this.#route = route;
  }

  joinNetwork(ctx: Context, contact: string): Promise<Reply> {
    return this.#call(ctx, (peer, at) => peer.joinNetwork(at, contact), ignore);
  }

  connectNewPeer(ctx: Context, guest: string, take: (block: Block) => void): Promise<Reply> {
    return this.#call<Block>(ctx, (peer, at, give) => peer.connectNewPeer(at, guest, give), take);
  }

  persist(ctx: Context, payload: Uint8Array): Promise<Reply> {
    return this.#call(ctx, (peer, at) => peer.persist(at, payload), ignore);
  }

  query(ctx: Context, take: (payload: Uint8Array) => void): Promise<Reply> {
    return this.#call<Uint8Array>(ctx, (peer, at, give) => peer.query(at, give), take);
  }

  notifyNewBlock(ctx: Context, block: Block): Promise<Reply> {
    return this.#call(ctx, (peer, at) => peer.notifyNewBlock(at, block), ignore);
  }

  check(ctx: Context): Promise<Reply> {
    return this.#call(ctx, (peer, at) => peer.check(at), ignore);
  }

  #call<Item>(ctx: Context, serve: Serve<Item>, take: (item: Item) => void): Promise<Reply> {
    if (ctx.ended) return Promise.resolve(unsent(ctx.ended));
    return new Promise((resolve) => {
      new Call(this.#route, { ctx, serve, take, resolve }).start();
    });
  }
}

interface Request<Item> {
  readonly ctx: Context;
  readonly serve: Serve<Item>;
  readonly take: (item: Item) => void;
  readonly resolve: (reply: Reply) => void;
}

class Call<Item> {
  readonly #route: Route;
  readonly #request: Request<Item>;
  #isOver = false;
  /** Set once the other process has the request. */
  #served: Context | undefined;
  #stops: (() => void)[] = [];
  /** Given and not yet on their way. */
  readonly #items: Item[] = [];
  #isSending = false;
  #reply: Reply | undefined;

  constructor(route: Route, request: Request<Item>) {
    this.#route = route;
    this.#request = request;
  }

  start(): void {
    const { ctx } = this.#request;
    const { caller, timers, latency } = this.#route;
    const giveUp = (end: Reply & { tag: "failed" }): void => {
      this.#finish(this.#served ? end : unsent(end));
    };
    this.#stops.push(
      ctx.onEnd(giveUp),
      caller.onDeath(() => {
        giveUp(failed("CANCELLED", "the caller died"));
      }),
      timers.after(latency.connect() + latency.way(), () => {
        this.#arrive();
      }),
    );
  }

  #arrive(): void {
    const { to, find } = this.#route;
    const found = find();
    if (!found || found.life.status === "dead") {
      const text = `connection error: desc = "transport: Error while dialing dial tcp ${to}: connect: connection refused"`;
      this.#finishLater(unsent(failed("UNAVAILABLE", text)));
      return;
    }
    const { life, calls } = found;
    this.#stops.push(
      life.onDeath(() => {
        const cut = failed("UNAVAILABLE", "error reading from server: connection reset by peer");
        this.#finishLater(this.#served ? cut : unsent(cut));
      }),
    );
    // A stopped process takes connections and says nothing; a call given up meanwhile never gets to it.
    life.whenRunning(() => {
      if (!this.#isOver) this.#serve(life, calls);
    });
  }

  #serve(life: Life, calls: PeerCalls): void {
    const { timers, latency, isPeer } = this.#route;
    const { deadline } = this.#request.ctx;
    const served =
      deadline === undefined
        ? new Context()
        : Context.within(timers, deadline - timers.now() + (isPeer ? latency.way() : -deadlineMargin));
    this.#served = served;
    void this.#work(life, calls, served);
  }

  async #work(life: Life, calls: PeerCalls, served: Context): Promise<void> {
    const reply = await this.#request.serve(calls, served, (item) => {
      this.#items.push(item);
      this.#sendOn(life);
    });
    life.whenRunning(() => {
      served.release();
      this.#reply = reply;
      this.#sendOn(life);
    });
  }

  /** What was given together arrives together, the first of it at once; the reply comes behind the last item. */
  #sendOn(life: Life): void {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#later(this.#route.latency.way(), life, () => {
      this.#deliver(life);
    });
  }

  #deliver(life: Life): void {
    const { take } = this.#request;
    const [first, ...rest] = this.#items.splice(0);
    if (first !== undefined) take(first);
    const end = (): void => {
      this.#isSending = false;
      if (this.#items.length > 0) this.#sendOn(life);
      else if (this.#reply) this.#finish(this.#reply);
    };
    if (rest.length === 0) {
      end();
      return;
    }
    this.#later(rest.length * this.#route.latency.item(), life, () => {
      for (const item of rest) {
        // A caller may hang up at any item.
        if (this.#isOver) return;
        take(item);
      }
      end();
    });
  }

  /** What the other process sends: it must be running then, and the call not over. */
  #later(ms: number, life: Life, run: () => void): void {
    if (this.#isOver) return;
    this.#stops.push(
      this.#route.timers.after(ms, () => {
        life.whenRunning(() => {
          if (!this.#isOver) run();
        });
      }),
    );
  }

  #finishLater(reply: Reply): void {
    if (this.#isOver) return;
    this.#stops.push(
      this.#route.timers.after(this.#route.latency.way(), () => {
        this.#finish(reply);
      }),
    );
  }

  #finish(reply: Reply): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stop of this.#stops) stop();
    this.#stops = [];
    const served = this.#served;
    if (served && reply.tag === "failed") this.#hangUp(served);
    this.#request.resolve(reply);
  }

  /** The other process learns that nobody waits any more, and goes on with what it does. */
  #hangUp(served: Context): void {
    const { timers, latency, find } = this.#route;
    timers.after(latency.way(), () => {
      find()?.life.whenRunning(() => {
        served.end("CANCELLED");
      });
    });
  }
}
