import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { layOut, type Tree } from "../../functions/page/tree.ts";

/** Members newest first, from a list oldest first of a name and what it was joined through. */
const stack = (...joins: readonly (readonly [string, string | null])[]) =>
  joins.map(([name, via]) => ({ namespace: "shop", name, via })).toReversed();

const lanes = ({ nodes }: Tree): readonly number[] => nodes.map(({ lane }) => lane);

/** The straight lines: the lane, the row after the one where it begins, and the row where it ends. */
const linesOf = ({ nodes }: Tree) =>
  nodes.flatMap(({ lane, parent, into }, row) =>
    parent === undefined || (into !== undefined && parent === row + 1)
      ? []
      : [{ line: into ?? lane, from: into === undefined ? row + 1 : row + 2, to: parent }],
  );

describe("the tree of who joined through whom", () => {
  test("is one straight line for a chain", () => {
    const tree = layOut(stack(["a", null], ["b", "a"], ["c", "b"], ["d", "c"]));
    assert.equal(tree.lanes, 1);
    assert.deepEqual(
      tree.nodes.map(({ lane, parent, into }) => [lane, parent, into]),
      [
        [0, 1, undefined],
        [0, 2, undefined],
        [0, 3, undefined],
        [0, undefined, undefined],
      ],
    );
  });

  test("lets peers that joined through the same one share its line", () => {
    const tree = layOut(stack(["a", null], ["b", "a"], ["c", "a"], ["d", "a"]));
    assert.equal(tree.lanes, 2);
    assert.deepEqual(lanes(tree), [0, 1, 1, 0]);
    assert.deepEqual(
      tree.nodes.map(({ into }) => into),
      [undefined, 0, 0, undefined],
    );
  });

  test("keeps two roots apart", () => {
    const tree = layOut(stack(["a", null], ["b", null], ["c", "a"], ["d", "b"]));
    assert.equal(tree.lanes, 2);
    assert.deepEqual(lanes(tree), [0, 1, 0, 1]);
  });

  test("marks a peer whose contact is not on the stack any more", () => {
    const { nodes } = layOut(stack(["a", null], ["b", "gone"]));
    assert.deepEqual(
      nodes.map(({ orphan, parent }) => [orphan, parent]),
      [
        [true, undefined],
        [false, undefined],
      ],
    );
  });

  test("does not lead up to a later life of the contact", () => {
    const { nodes } = layOut(stack(["a", null], ["c", "b"], ["b", "a"]));
    assert.equal(nodes[1]?.orphan, true);
    assert.equal(nodes[0]?.parent, 2);
  });

  test("finds a contact of another namespace where the network spans the cluster", () => {
    const { nodes } = layOut([
      { namespace: "bank", name: "b", via: "a" },
      { namespace: "shop", name: "a", via: null },
    ]);
    assert.equal(nodes[0]?.parent, 1);
  });

  test("takes the contact of the same namespace where two have its name", () => {
    const { nodes } = layOut([
      { namespace: "shop", name: "b", via: "a" },
      { namespace: "bank", name: "a", via: null },
      { namespace: "shop", name: "a", via: null },
    ]);
    assert.equal(nodes[0]?.parent, 2);
  });

  const anyStack = fc
    .array(fc.nat(), { minLength: 1, maxLength: 40 })
    .map((picks) =>
      stack(...picks.map((pick, at) => [`p${at}`, at === 0 ? null : `p${pick % (at + 1)}`] as const)),
    );

  test("never draws two lines over each other, nor a line over a peer that is not on it", () => {
    fc.assert(
      fc.property(anyStack, (members) => {
        const tree = layOut(members);
        assert.ok(tree.nodes.every(({ lane }) => lane < tree.lanes));
        /** Whom each piece of a lane, between a row and the next, leads to. */
        const pieces = new Map<string, number>();
        for (const { line, from, to } of linesOf(tree)) {
          assert.ok(to >= from, "a contact is below");
          assert.equal(tree.nodes[to]?.lane, line, "the line ends at the contact");
          const between = tree.nodes.slice(from, to);
          assert.ok(!between.some(({ lane }) => lane === line), "nobody stands on it");
          for (const at of [from - 1, ...between.map((_, index) => from + index)]) {
            const key = `${line} ${at}`;
            assert.equal(pieces.get(key) ?? to, to, "a line is shared by siblings alone");
            pieces.set(key, to);
          }
        }
      }),
    );
  });
});
