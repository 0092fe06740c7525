import type { RequestHandler } from "express";
import PQueue from "p-queue";

interface Bounds {
  /** So many requests are worked on at once. */
  readonly atOnce: number;
  /** So many more wait, unread; further ones are turned away. */
  readonly waiting: number;
  readonly turnAway: RequestHandler;
}

/**
 * Lets requests through in the order in which they came, a bounded number at once. One whose client has given it up
 * meanwhile is not begun.
 */
export function inTurn({ atOnce, waiting, turnAway }: Bounds): RequestHandler {
  const queue = new PQueue({ concurrency: atOnce });
  return (request, response, next) => {
    if (queue.size >= waiting) {
      turnAway(request, response, next);
      return;
    }
    void queue.add(
      () =>
        new Promise<void>((resolve) => {
          if (response.closed) {
            resolve();
            return;
          }
          response.once("close", resolve);
          next();
        }),
    );
  };
}
