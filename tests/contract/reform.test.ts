import { suite, test } from "node:test";
import { inMemory, overGrpc, withSeed } from "./lightpeer-worlds.ts";
import { connectionCases, decisionCases, storingCases } from "./reform-cases.ts";
import { wireCases } from "./reform-wire-cases.ts";

/** Each begins with health checks and the application at other moments. */
const PLAYS = 40;

suite("a re-form in virtual time", () => {
  for (const [title, scenario] of Object.entries({ ...connectionCases, ...decisionCases })) {
    test(title, () => inMemory(scenario));
  }
  for (const [title, scenario] of Object.entries(storingCases)) {
    test(`${title}, ${PLAYS} times`, async () => {
      for (let seed = 1; seed <= PLAYS; seed += 1) await withSeed(scenario, seed);
    });
  }
});

suite("a re-form over gRPC", { concurrency: 2 }, () => {
  for (const [title, scenario] of Object.entries({ ...connectionCases, ...storingCases, ...wireCases })) {
    test(title, { timeout: 90_000 }, () => overGrpc(scenario));
  }
});
