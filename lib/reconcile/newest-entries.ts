import type { Deps } from "../deps.ts";

/** The newest entries of some peers, asked for at once. */
export interface NewestEntries<Place> {
  /** All that were told, each once: more than one means that the peers stand apart now. */
  readonly digests: ReadonlySet<string>;
  /** Who did not tell. */
  readonly silent: readonly Place[];
}

export async function newestOf<Place extends { readonly address: string }>(
  { lightpeer, settings }: Pick<Deps, "lightpeer" | "settings">,
  places: readonly Place[],
): Promise<NewestEntries<Place>> {
  const answers = await Promise.all(
    places.map(({ address }) => lightpeer.newest(address, settings.probeTimeoutMs)),
  );
  return {
    digests: new Set(answers.flatMap((answer) => (answer.tag === "newest" ? [answer.digest] : []))),
    silent: places.filter((_, index) => answers[index]?.tag !== "newest"),
  };
}
