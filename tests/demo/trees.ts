interface Member {
  readonly name: string;
  readonly via: string | null;
}

interface Networks {
  readonly networks: readonly {
    readonly network: string;
    readonly generation: number;
    readonly members: readonly Member[];
  }[];
}

/** Draws the networks of a klight as trees of who joined through whom. */
export async function printTrees(url: string, say: (line: string) => void): Promise<void> {
  const { networks } = (await (await fetch(`${url}/networks`)).json()) as Networks;
  for (const { network, generation, members } of networks) {
    const times = generation === 0 ? "" : `, re-formed ${generation === 1 ? "once" : `${generation} times`}`;
    say(`  ${network} (${members.length} peers${times})`);
    for (const line of branches(members.toReversed())) say(`    ${line}`);
  }
}

/** Oldest first, each below the member it came through; one that came through a later life stands on its own. */
function branches(members: readonly Member[]): readonly string[] {
  const isBelow = (child: Member, parent: Member): boolean =>
    child.via === parent.name && members.indexOf(parent) < members.indexOf(child);
  const draw = (member: Member): readonly string[] => [
    member.name,
    ...members
      .filter((child) => isBelow(child, member))
      .flatMap(draw)
      .map((line) => `  ${line}`),
  ];
  const roots = members.filter((member) => !members.some((parent) => isBelow(member, parent)));
  return roots.flatMap(draw);
}
