import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { sharedCalls } from "../../lib/shared-calls.ts";

interface Begun {
  readonly key: string;
  readonly end: (result: string) => void;
  readonly fail: () => void;
}

const start = () => {
  const begun: Begun[] = [];
  const call = sharedCalls(
    (key) =>
      new Promise<string>((resolve, reject) => {
        begun.push({ key, end: resolve, fail: () => reject(new Error("failed")) });
      }),
  );
  return { begun, call };
};

describe("calls that are shared", () => {
  test("are not shared with who came after they began, but with all who wait for the next", async () => {
    const { begun, call } = start();
    const first = call("a");
    const [second, third] = [call("a"), call("a")];
    await turn();
    assert.equal(begun.length, 1);
    begun[0]?.end("old");
    assert.equal(await first, "old");
    await turn();
    assert.equal(begun.length, 2);
    const late = call("a");
    begun[1]?.end("new");
    assert.deepEqual(await Promise.all([second, third]), ["new", "new"]);
    await turn();
    begun[2]?.end("newest");
    assert.equal(await late, "newest");
    assert.equal(begun.length, 3);
  });

  test("of another key do not wait", () => {
    const { begun, call } = start();
    void call("a");
    void call("b");
    assert.deepEqual(
      begun.map(({ key }) => key),
      ["a", "b"],
    );
  });

  test("that fail are followed by the next all the same", async () => {
    const { begun, call } = start();
    const first = call("a");
    const second = call("a");
    begun[0]?.fail();
    await assert.rejects(first);
    await turn();
    begun[1]?.end("well");
    assert.equal(await second, "well");
    const third = call("a");
    assert.equal(begun.length, 3);
    begun[2]?.end("again");
    assert.equal(await third, "again");
  });
});
