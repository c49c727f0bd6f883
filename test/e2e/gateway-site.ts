import { afterAll, beforeAll } from 'vitest';
import { startRig, type Rig, type RigOptions } from '../rig/rig.ts';
import { TestGateway, type GatewayOptions } from './test-gateway.ts';

/** One Kafka and one HDFS for the tests of a file; every test has a gateway of its own on them. */
export interface GatewaySite {
  readonly rig: Rig;
  /** A gateway that is stopped, and its state removed, at the end of the `await using` block. */
  gateway(name: string, options?: GatewayOptions): Promise<TestGateway>;
}

/** To be called in a `describe` block: starts the servers before its tests and stops them after. */
export function gatewaySite(options: RigOptions = { kafka: {}, hdfs: {} }): GatewaySite {
  let rig: Rig | undefined;
  const running = (): Rig => {
    if (rig === undefined) throw new Error('the servers do not run');
    return rig;
  };
  beforeAll(async () => {
    rig = await startRig(options);
  });
  afterAll(() => rig?.stop());
  return {
    get rig() {
      return running();
    },
    gateway: (name, gatewayOptions) => TestGateway.create(running(), name, gatewayOptions),
  };
}

/** At most `width` of the works given to it run at the same time, the others wait in line. */
export class Turnstile {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async run<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((enter) => this.#line.push(enter));
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
