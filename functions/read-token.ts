import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { problem } from "./reply.ts";

/** Lets through requests with this bearer token. Digests are compared, in constant time whatever was sent. */
export function requireToken(token: string): RequestHandler {
  const wanted = digest(`Bearer ${token}`);
  return ({ headers }, response, next) => {
    if (timingSafeEqual(digest(headers.authorization ?? ""), wanted)) {
      next();
      return;
    }
    const detail = "send the read token: Authorization: Bearer TOKEN";
    const {
      status,
      headers: more,
      body,
    } = problem(401, { title: "Not allowed", detail }, { "www-authenticate": "Bearer" });
    response.status(status).set(more).end(body);
  };
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
