import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { createServer } from "../../functions/http/server.ts";
import { at, knative } from "./manifests.combinations.ts";

const func: unknown = parse(readFileSync(join(resolve(knative, ".."), "func.yaml"), "utf8"));
const paths = z
  .strictObject({ liveness: z.string(), readiness: z.string() })
  .parse(at(func, "deploy", "healthEndpoints"));

/** Whoever loads this has called something for a health check. */
const untouchable = (): never => {
  throw new Error("the engine was loaded");
};
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

test("func.yaml asks for the server's health where the server tells it, with no call to anything", async (t) => {
  let ready = true;
  const app = createServer({ engine: untouchable, log: silent, isReady: () => ready });
  const server = app.listen(0, "127.0.0.1");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const statusOf = async (path: string): Promise<number> => {
    const { port } = server.address() as AddressInfo;
    return (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  };
  assert.deepEqual([await statusOf(paths.liveness), await statusOf(paths.readiness)], [200, 200]);
  ready = false;
  assert.deepEqual([await statusOf(paths.liveness), await statusOf(paths.readiness)], [200, 503]);
});
