import type { Member } from "../status/status.ts";

/** A peer in the picture of who joined through whom. */
export interface Node {
  /** Column, from 0. */
  readonly lane: number;
  /** Row of the member that it was joined through; undefined: it is a root. */
  readonly parent: number | undefined;
  /**
   * Lane of a younger peer that was joined through the same member, whose line this one runs into; undefined: it has
   * a line of its own.
   */
  readonly into: number | undefined;
  /** The member that it was joined through is not on the stack any more. */
  readonly orphan: boolean;
}

export interface Tree {
  readonly lanes: number;
  /** One for each member, in the order of the stack. */
  readonly nodes: readonly Node[];
}

/**
 * Lays out who joined through whom, a row for each member, newest on top: a line leads down from each peer to the one
 * that it was joined through. A chain is one straight line; peers joined through the same one share a line.
 */
export function layOut(members: readonly Pick<Member, "namespace" | "name" | "via">[]): Tree {
  const parents = parentsOf(members);
  /** The row that each lane leads to; undefined: the lane is free. */
  const leadsTo: (number | undefined)[] = [];
  const nodes = members.map(({ via }, row): Node => {
    const lane = laneOf(leadsTo, row);
    const parent = parents[row];
    const shared = parent === undefined ? -1 : leadsTo.indexOf(parent);
    leadsTo[lane] = shared < 0 ? parent : undefined;
    return {
      lane,
      parent,
      into: shared < 0 ? undefined : shared,
      orphan: via !== null && parent === undefined,
    };
  });
  return { lanes: Math.max(1, leadsTo.length), nodes };
}

/** The lane that leads to this row; else the first free one. */
function laneOf(leadsTo: (number | undefined)[], row: number): number {
  const awaited = leadsTo.indexOf(row);
  if (awaited >= 0) return awaited;
  const free = leadsTo.indexOf(undefined);
  return free < 0 ? leadsTo.push(undefined) - 1 : free;
}

/** A peer's contact was there before it: one of the same name above it on the stack is a later life. */
function parentsOf(
  members: readonly Pick<Member, "namespace" | "name" | "via">[],
): readonly (number | undefined)[] {
  const rows = new Map<string, number>();
  const parents: (number | undefined)[] = [];
  for (let row = members.length - 1; row >= 0; row -= 1) {
    const member = members[row];
    if (member === undefined) continue;
    const { namespace, name, via } = member;
    // With KLIGHT_SCOPE=cluster a contact may be of another namespace.
    parents[row] = via === null ? undefined : (rows.get(`${namespace}/${via}`) ?? rows.get(via));
    rows.set(`${namespace}/${name}`, row);
    rows.set(name, row);
  }
  return parents;
}
