import { once } from "node:events";
import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type FunctionProcess, startFunction } from "../harness/function-process.ts";

type Line = Readonly<Record<string, unknown>>;

interface Around {
  readonly env: Readonly<Record<string, string>>;
  /** Every line that an instance logs. */
  readonly onLine: (instance: string, line: Line) => void;
  /** An instance ended that nobody killed. */
  readonly onCrash: (instance: string, stderr: string) => void;
}

interface Instance {
  readonly name: string;
  readonly run: FunctionProcess;
  /** Undefined until it listens. */
  port: number | undefined;
  isKilled: boolean;
}

/** The built function as the platform runs it: some processes behind one address, each replaced when it has died. */
export class FunctionService {
  readonly #around: Around;
  readonly #slots: (Instance | undefined)[];
  readonly #front = createServer((request, response) => {
    this.#forward(request, response);
  });
  #started = 0;
  #turn = 0;
  #isClosing = false;

  private constructor(around: Around, count: number) {
    this.#around = around;
    this.#slots = Array.from({ length: count }, () => undefined);
  }

  static async start(count: number, around: Around): Promise<FunctionService> {
    const service = new FunctionService(around, count);
    service.#front.listen(0, "127.0.0.1");
    await once(service.#front, "listening");
    await Promise.all(service.#slots.map((_, slot) => service.#start(slot)));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#front.address() as AddressInfo).port}/`;
  }

  get count(): number {
    return this.#slots.length;
  }

  /** SIGKILL; the function returned starts another one in its place. Undefined: there is none to kill. */
  kill(slot: number): { readonly name: string; readonly restart: () => Promise<void> } | undefined {
    const instance = this.#slots[slot];
    if (instance?.port === undefined) return undefined;
    instance.isKilled = true;
    this.#slots[slot] = undefined;
    instance.run.process.kill("SIGKILL");
    return { name: instance.name, restart: () => this.#start(slot) };
  }

  /** SIGSTOP; the function returned is SIGCONT, also for a process that was killed meanwhile. */
  stop(slot: number): { readonly name: string; readonly wake: () => void } | undefined {
    const instance = this.#slots[slot];
    if (instance?.port === undefined) return undefined;
    instance.run.process.kill("SIGSTOP");
    return { name: instance.name, wake: () => void instance.run.process.kill("SIGCONT") };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const runs = this.#slots.flatMap((instance) => instance?.run ?? []);
    for (const { process: child } of runs) child.kill("SIGKILL");
    await Promise.all(runs.map(({ ended }) => ended));
    const closed = once(this.#front, "close");
    this.#front.close();
    this.#front.closeAllConnections();
    await closed;
  }

  async #start(slot: number): Promise<void> {
    if (this.#isClosing) return;
    const name = `function-${(this.#started += 1)}`;
    const run = startFunction(this.#around.env);
    const instance: Instance = { name, run, port: undefined, isKilled: false };
    this.#slots[slot] = instance;
    run.onLine((line) => {
      this.#around.onLine(name, line);
    });
    void run.ended.then(({ stderr }) => {
      if (instance.isKilled || this.#isClosing) return undefined;
      this.#around.onCrash(name, stderr);
      return this.#start(slot);
    });
    const listening = await run.logged("listening").catch(() => undefined);
    if (listening) instance.port = Number(listening["port"]);
  }

  /** To one after the other, those that are stopped too; 503 while there is none, as an activator that gives up. */
  #forward(request: IncomingMessage, response: ServerResponse): void {
    const ports = this.#slots.flatMap((instance) => instance?.port ?? []);
    const port = ports[(this.#turn += 1) % Math.max(1, ports.length)];
    if (port === undefined) {
      request.resume();
      response.writeHead(503).end();
      return;
    }
    const { method, url: path, headers } = request;
    const forwarded = send({ host: "127.0.0.1", port, method, path, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
      reply.once("error", () => response.destroy());
    });
    forwarded.once("error", () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    response.once("close", () => forwarded.destroy());
    request.pipe(forwarded);
  }
}
