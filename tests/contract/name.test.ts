import { suite, test } from "node:test";
import { inMemory, overGrpc } from "./lightpeer-worlds.ts";
import { nameCases } from "./name-cases.ts";

suite("who are you, in virtual time", () => {
  for (const [title, scenario] of Object.entries(nameCases)) test(title, () => inMemory(scenario));
});

suite("who are you, over gRPC", { concurrency: 2 }, () => {
  for (const [title, scenario] of Object.entries(nameCases)) {
    test(title, { timeout: 20_000 }, () => overGrpc(scenario));
  }
});
