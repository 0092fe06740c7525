import type { RequestHandler } from "express";

const contentPolicy = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src", "form-action"].map((each) => `${each} 'self'`),
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What is shown of pods runs nothing, loads nothing from elsewhere, stands in no frame and in no cache. */
export const protect: RequestHandler = (_request, response, next) => {
  response.set({
    "content-security-policy": contentPolicy,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
  next();
};
