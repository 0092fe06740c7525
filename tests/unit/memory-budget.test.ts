import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMemoryBudget } from "../../lib/memory-budget.ts";

const never = (): Promise<void> => new Promise(() => {});
const atOnce = (): Promise<void> => Promise.resolve();

describe("memory that is shared in turn", () => {
  test("is given as long as there is some, and again when it is given back", async () => {
    const budget = createMemoryBudget(10, { sleep: never });
    const [first, second] = [await budget.take(6, 0), await budget.take(4, 0)];
    assert.ok(first && second);
    const waiting = budget.take(6, 0);
    second();
    second();
    first();
    assert.ok(await waiting);
  });

  test("is not given in time where others keep it, and costs them nothing", async () => {
    const budget = createMemoryBudget(10, { sleep: atOnce });
    const first = await budget.take(8, 0);
    assert.equal(await budget.take(8, 0), undefined);
    const small = await budget.take(2, 0);
    assert.ok(first && small);
    first();
    small();
    assert.ok(await budget.take(10, 0));
  });

  test("goes to whoever has waited longest, also where one behind it would fit", async () => {
    const budget = createMemoryBudget(10, { sleep: never });
    const first = await budget.take(6, 0);
    const order: string[] = [];
    const large = budget.take(9, 0).then((free) => {
      order.push("large");
      free?.();
    });
    const small = budget.take(1, 0).then(() => order.push("small"));
    await Promise.resolve();
    assert.deepEqual(order, []);
    first?.();
    await Promise.all([large, small]);
    assert.deepEqual(order, ["large", "small"]);
  });

  test("is given to one alone that wants more than there is", async () => {
    const budget = createMemoryBudget(10, { sleep: atOnce });
    const all = await budget.take(99, 0);
    assert.ok(all);
    assert.equal(await budget.take(1, 0), undefined);
    all();
    assert.ok(await budget.take(1, 0));
  });
});
