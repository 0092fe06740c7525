import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { PodObject } from "../harness/api-server/objects.ts";
import { cloudEvent } from "../harness/source.ts";
import type { Stage, StagePod } from "../harness/stage.ts";

export interface Answer {
  readonly status: number;
  readonly outcome: string;
}

/** Posts to a function as a Trigger does, over connections that are kept. */
export interface Poster {
  /** An update with this state of a pod; or that it is gone. */
  post(object: PodObject, type?: "MODIFIED" | "DELETED"): Promise<Answer>;
  /** The same, and again for as long as the answer is 503 or 409. */
  deliver(object: PodObject): Promise<Delivered>;
  /** POST without a body. */
  ask(path: string): Promise<Answer>;
  close(): void;
}

export interface Delivered extends Answer {
  /** How often it was answered so before. */
  readonly held: number;
}

/** Before the first retry; doubles with each, as a Broker's does, up to the longest. */
const retryMs = 200;
const longestRetryMs = 3_200;
const longestMs = 240_000;

export const posterTo = (stage: Stage, url = stage.urls[0] ?? ""): Poster => {
  const agent = new Agent({ keepAlive: true });

  const send = (path: string, headers: Readonly<Record<string, string>>, body: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(
        new URL(path, url),
        { method: "POST", agent, headers, timeout: longestMs },
        (reply) => {
          reply.resume().once("end", () => {
            resolve({
              status: reply.statusCode ?? 0,
              outcome: String(reply.headers["klight-outcome"] ?? ""),
            });
          });
        },
      );
      sent.once("timeout", () => sent.destroy(new Error(`no answer within ${longestMs} ms`)));
      sent.on("error", (error: NodeJS.ErrnoException) => {
        // A kept connection that the other side closes while this one is busy says nothing of the request.
        if (sent.reusedSocket && error.code === "ECONNRESET") resolve(send(path, headers, body));
        else reject(error);
      });
      sent.end(body);
    });

  const post: Poster["post"] = (object, type = "MODIFIED") => {
    const about = { apiServer: stage.api.url, mode: "Resource", sink: url } as const;
    const { headers, body } = cloudEvent(about, { type, object });
    return send("/", headers, body);
  };

  return {
    post,
    async deliver(object) {
      const until = performance.now() + longestMs;
      for (let held = 0; ; held += 1) {
        const answer = await post(object);
        if (![409, 503].includes(answer.status) || performance.now() > until) return { ...answer, held };
        await sleep(Math.min(retryMs * 2 ** held, longestRetryMs));
      }
    },
    ask: (path) => send(path, {}, ""),
    close: () => {
      agent.destroy();
    },
  };
};

/** Does the work of all items in their order, so many at a time. */
export const sideBySide = async <Item, Result>(
  items: readonly Item[],
  atATime: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
  const results: Result[] = [];
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) results.push(await work(item));
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
};

export const stateOf = (stage: Stage, pod: StagePod): PodObject => {
  const object = stage.api.pods.get(pod);
  if (object === undefined) throw new Error(`there is no pod ${pod.name}`);
  return object;
};

export const timed = async <Result>(
  work: () => Promise<Result>,
): Promise<{ readonly ms: number; readonly result: Result }> => {
  const from = performance.now();
  const result = await work();
  return { ms: performance.now() - from, result };
};
