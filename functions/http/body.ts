import type { RequestHandler } from "express";

/** What the error handler makes a reply of. */
class Unread extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Reads the body of a request into `request.body`, a Buffer. One over `limit` bytes is not read on: express's own
 * reader takes in all that is sent before it says so. Compressed bodies are refused; nobody sends events so.
 */
export const readBody =
  (limit: number): RequestHandler =>
  (request, _response, next) => {
    const { "content-length": length = "0", "content-encoding": encoding = "identity" } = request.headers;
    const tooLarge = (): Unread => new Unread(413, `a request may have ${limit} bytes`);
    if (encoding !== "identity") {
      next(new Unread(415, `content-encoding: must be identity, was ${JSON.stringify(encoding)}`));
      return;
    }
    if (Number(length) > limit) {
      next(tooLarge());
      return;
    }
    const parts: Buffer[] = [];
    let size = 0;
    const end = (error?: Error): void => {
      request.off("data", take).off("end", done).off("error", broken).pause();
      request.body = Buffer.concat(parts);
      next(error);
    };
    const take = (part: Buffer): void => {
      size += part.length;
      if (size <= limit) parts.push(part);
      else end(tooLarge());
    };
    const done = (): void => {
      end();
    };
    const broken = (): void => {
      end(new Unread(400, "the request broke off"));
    };
    request.on("data", take).on("end", done).on("error", broken);
  };
