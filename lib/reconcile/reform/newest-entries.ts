import type { Deps } from "../../deps.ts";

/** The newest entries of some peers, asked for at once. */
export interface NewestEntries<Peer> {
  /** All that were told, each once: more than one means that the peers stand apart now. */
  readonly digests: ReadonlySet<string>;
  /** Who did not tell. */
  readonly silent: readonly Peer[];
}

export async function newestOf<Peer extends { readonly address: string }>(
  { lightpeer, settings }: Pick<Deps, "lightpeer" | "settings">,
  peers: readonly Peer[],
  timeoutMs = settings.probeTimeoutMs,
): Promise<NewestEntries<Peer>> {
  const answers = await Promise.all(peers.map(({ address }) => lightpeer.newest(address, timeoutMs)));
  return {
    digests: new Set(answers.flatMap((answer) => (answer.tag === "newest" ? [answer.digest] : []))),
    silent: peers.filter((_, index) => answers[index]?.tag !== "newest"),
  };
}
