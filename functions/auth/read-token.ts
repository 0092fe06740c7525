import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { problem } from "../http/problem.ts";

/**
 * Lets through requests with this token: as a bearer token, or for a browser, which can only ask for a password, as
 * the password of Basic. A browser adds that one to what other sites make it send, so it is taken for reading alone.
 * Digests are compared, in constant time whatever was sent.
 */
export function requireToken(token: string): RequestHandler {
  const wanted = digest(token);
  return ({ headers, method }, response, next) => {
    const sent = tokenOf(headers.authorization ?? "", method === "GET" || method === "HEAD");
    if (timingSafeEqual(digest(sent), wanted)) {
      next();
      return;
    }
    const detail = "send the read token: Authorization: Bearer TOKEN, or as the password of any user to read";
    const { status, headers: more, body } = problem(401, { title: "Not allowed", detail });
    // A line each: a browser does not look for Basic behind the Bearer of one line, and would not ask for a password.
    response.set("www-authenticate", ['Bearer realm="klight"', 'Basic realm="klight", charset="UTF-8"']);
    response.status(status).set(more).end(body);
  };
}

/** Empty, which is no token, where there is none. */
function tokenOf(authorization: string, mayBeBasic: boolean): string {
  const [, scheme = "", credentials = ""] = /^(\S+) +(\S+)$/u.exec(authorization) ?? [];
  if (scheme.toLowerCase() === "bearer") return credentials;
  if (scheme.toLowerCase() !== "basic" || !mayBeBasic) return "";
  const pair = Buffer.from(credentials, "base64").toString("utf8");
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : "";
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
