/**
 * Claimed events that were pulled again, on their way through the rules as they are now: the same interceptors, router, landing keys and
 * packer as a delivery of a source (source-host.ts, batch-packer.ts), for the claim's channel alone.
 */
import { offset } from '../../shared/model/brand.ts';
import type { ClaimRedemption } from '../../shared/model/claim.ts';
import type { PulledAgain } from '../sources/source.ts';
import { PackedBatch } from './batch-packer.ts';
import { laneOf } from './quarantine-batch.ts';
import type { SourceRules } from './source-host.ts';

/** What became of pulled events is decided and their bytes are counted, but not copied yet. */
export class RedemptionBatch {
  readonly #again: PulledAgain;
  readonly #packed: PackedBatch;
  readonly #configVersion: number;

  private constructor(again: PulledAgain, packed: PackedBatch, configVersion: number) {
    this.#again = again;
    this.#packed = packed;
    this.#configVersion = configVersion;
  }

  /** Undefined: the source does not feed the claim's channel. */
  static of(again: PulledAgain, rules: SourceRules): RedemptionBatch | undefined {
    const { claim, runs, events, dispositions, quarantined } = again;
    const lane = laneOf(claim.channel, rules);
    if (lane === undefined) return undefined;
    for (const interceptor of rules.interceptors) interceptor.intercept(events);
    const delivery = {
      partition: claim.partition,
      // Whose tenure it is the writer reads from the claim.
      tenure: '',
      first: offset(runs.first),
      next: offset(runs.next),
      fingerprint: undefined,
      ...{ events, dispositions, quarantined },
    };
    const packed = new PackedBatch(delivery, lane.channels, lane.router);
    return new RedemptionBatch(again, packed, rules.configVersion);
  }

  /** Bytes of all chunks. */
  get totalBytes(): number {
    return this.#packed.totalBytes;
  }

  get quarantinedBytes(): number {
    return this.#packed.quarantinedBytes;
  }

  /** Copies the bodies into `bytes` (at least `totalBytes` long) and completes the redemption. */
  fill(bytes: ArrayBuffer): ClaimRedemption {
    const { claim, runs } = this.#again;
    const { channel } = claim;
    const { chunks, dispositions, quarantined } = this.#packed.fill(bytes, this.#configVersion);
    return {
      ...{ claimId: claim.id, channel, runs, chunks, bytes, configVersion: this.#configVersion },
      // What falls before the channels falls for this one; the others have their own account.
      dispositions: dispositions.map((one) => ({ ...one, channel })),
      quarantined: quarantined.map((one) => ({ ...one, channel })),
    };
  }
}
