import { suite, test } from "node:test";
import { cases } from "./lightpeer-cases.ts";
import { reformCases } from "./lightpeer-reform-cases.ts";
import { inMemory, overGrpc } from "./lightpeer-worlds.ts";

const all = Object.entries({ ...cases, ...reformCases });

suite("a lightpeer in virtual time", () => {
  for (const [title, scenario] of all) test(title, () => inMemory(scenario));
});

suite("a lightpeer over gRPC", { concurrency: 4 }, () => {
  for (const [title, scenario] of all) test(title, { timeout: 20_000 }, () => overGrpc(scenario));
});
