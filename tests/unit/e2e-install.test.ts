import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as z from "zod";
import { readConfig } from "../../lib/config.ts";
import { klightIn, secretIn } from "../e2e/install.ts";

const settings = z.looseObject({ data: z.record(z.string(), z.string()) });

describe("what npm run e2e installs", () => {
  const objects = klightIn("klight-e2e", "example.org/klight:1");
  const secret = secretIn("klight-e2e").stringData;

  test("gives the function settings that it starts with", () => {
    const { data } = settings.parse(objects.find(({ kind }) => kind === "ConfigMap"));
    const reading = readConfig({ ...data, ...secret, K_SERVICE: "klight" });
    assert.ok(reading.tag === "config", JSON.stringify(reading));
    assert.equal(reading.config.KLIGHT_STORE, "redis");
    assert.deepEqual(reading.config.KLIGHT_NAMESPACES, ["klight-e2e"]);
  });

  test("leads the function to the Valkey beside it, by the password that this has", () => {
    const store = new URL(secret["REDIS_URL"] ?? "");
    assert.equal(store.password, secret["REDIS_PASSWORD"]);
    assert.ok(objects.some(({ kind, metadata }) => kind === "Service" && metadata.name === store.hostname));
    assert.notEqual(secretIn("klight-e2e").stringData["REDIS_PASSWORD"], secret["REDIS_PASSWORD"]);
  });
});
