/** In which network a pod's peer is, or is being brought into until then, ms since 1970; Infinity: it is in, or may be. */
interface PeerPlace {
  readonly network: string;
  readonly untilMs: number;
}

/** Of each pod's peer in which network it is, by uid: what peers.lua keeps in Redis, in memory. */
export class PeerPlaces {
  readonly #places = new Map<string, PeerPlace>();

  /** The other network that it is in now; undefined: none. */
  elsewhere(network: string, uid: string, now: number): string | undefined {
    const place = this.#places.get(uid);
    return place !== undefined && place.network !== network && place.untilMs > now
      ? place.network
      : undefined;
  }

  /** A step may bring it into this network until then. */
  expect(network: string, uid: string, untilMs: number): void {
    const place = this.#places.get(uid);
    const known = place?.network === network ? place.untilMs : 0;
    this.#places.set(uid, { network, untilMs: Math.max(known, untilMs) });
  }

  /** These are in this network; who is in another one stays there. */
  keep(network: string, uids: Iterable<string>): void {
    for (const uid of uids) {
      const isElsewhere = (this.#places.get(uid)?.network ?? network) !== network;
      if (!isElsewhere) this.#places.set(uid, { network, untilMs: Infinity });
    }
  }

  /** These are not in this network any more. */
  free(network: string, uids: Iterable<string>): void {
    for (const uid of uids) if (this.#places.get(uid)?.network === network) this.#places.delete(uid);
  }

  clear(): void {
    this.#places.clear();
  }
}
