/**
 * Who of the gateways at a landing root gives signs of life. A sign is a new sequence number, seen by our own steady clock: so neither a
 * peer's clock nor a jump of ours makes it look dead. Only for the time before we looked its own word for when it wrote is taken, and
 * not before a second look found no newer one.
 */
import type { FleetEntry } from '../../landing/fleet-facts-object.ts';
import type { FleetFacts } from '../../landing/fleet-facts.ts';

interface Sign {
  readonly sequence: number;
  readonly nonce: string;
  readonly seenSteadyMs: number;
  /** How old it was already when we first saw it, by the two wall clocks. */
  readonly ageMs: number;
  readonly looks: number;
}

export interface Peer {
  readonly path: string;
  readonly facts: FleetFacts;
  /** Since its last sign of life, as far as can be told. */
  readonly quietMs: number;
}

export class PeerWatch {
  readonly #signs = new Map<string, Sign>();

  look(
    entries: readonly FleetEntry[],
    { nowMs, steadyMs }: { readonly nowMs: number; readonly steadyMs: number },
  ): readonly Peer[] {
    const peers: Peer[] = [];
    for (const { path, facts } of entries) {
      if (facts === undefined) continue;
      const known = this.#signs.get(path);
      const { sequence, nonce } = facts;
      let sign: Sign;
      if (known?.sequence === sequence && known.nonce === nonce) sign = { ...known, looks: known.looks + 1 };
      else {
        const ageMs = known === undefined ? Math.max(0, nowMs - facts.writtenMs) : 0;
        sign = { sequence, nonce, seenSteadyMs: steadyMs, ageMs, looks: 1 };
      }
      this.#signs.set(path, sign);
      const quietMs = sign.looks < 2 ? 0 : steadyMs - sign.seenSteadyMs + sign.ageMs;
      peers.push({ path, facts, quietMs });
    }
    const paths = new Set(entries.map(({ path }) => path));
    for (const path of this.#signs.keys()) if (!paths.has(path)) this.#signs.delete(path);
    return peers;
  }
}
