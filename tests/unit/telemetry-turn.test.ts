import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { reformOf } from "../../functions/telemetry/turn.ts";

describe("the re-form of a turn", () => {
  test("lasts from the seed's opening to its closing, and is named by its cause", () => {
    const turn = { intent: "reform", opened: 100, closed: 400, cause: "failed-join" } as const;
    assert.deepEqual(reformOf(turn, 900), {
      ms: 300,
      attributes: { "klight.reform.end": "whole", "klight.reform.cause": "failed-join" },
    });
  });

  test("that nobody was told of is not whole", () => {
    const turn = { intent: "reform", opened: 100, closed: 400 } as const;
    assert.deepEqual(reformOf(turn, 900)?.attributes, { "klight.reform.end": "not-whole" });
  });

  test("keeps its network from storing from the first peer frozen to the last one moved", () => {
    const turn = {
      intent: "reform",
      opened: 100,
      frozen: 150,
      live: 320,
      cause: "storing",
    } as const;
    assert.equal(reformOf(turn, 400)?.refusedMs, 170);
    assert.equal(reformOf(turn, 400)?.ms, 300);
    assert.equal(reformOf({ ...turn, live: 150 }, 400)?.refusedMs, undefined);
  });

  test("is none where the seed was only visited, or never opened", () => {
    assert.equal(reformOf({ intent: "visit", opened: 100, closed: 200 }, 900), undefined);
    assert.equal(reformOf({ intent: "join" }, 900), undefined);
    assert.equal(reformOf({}, 900), undefined);
  });
});
