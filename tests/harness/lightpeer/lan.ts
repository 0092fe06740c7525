/**
 * How peers of one test reach each other past the walls around their addresses: a firewall between klight and a peer says
 * nothing of the way between two peers.
 */
export class Lan {
  readonly #doors = new Map<string, string>();

  /** Where the peer with this address is reached from within. */
  wayTo(address: string): string {
    return this.#doors.get(address) ?? address;
  }

  open(address: string, door: string): void {
    this.#doors.set(address, door);
  }
}
