/** An engine's side of the contract whose answers a test scripts; calls that were not scripted fail as programmer errors do. */
import type { EngineApi } from '../../main/control/engine-api.ts';
import { procedures, type ProcedureName, type StreamEvent } from '../../shared/contract/control.ts';
import { statusOf } from '../telemetry/status-fixture.ts';

export class ScriptedApi {
  readonly listeners = new Set<(event: StreamEvent) => void>();
  readonly asked: { readonly name: string; readonly input: unknown }[] = [];
  readonly answers = new Map<ProcedureName, (input: never) => unknown>();
  readonly api: EngineApi;

  constructor() {
    const calls = Object.keys(procedures).map((name): [string, (input: unknown) => Promise<unknown>] => [
      name,
      async (input: unknown) => {
        this.asked.push({ name, input });
        const answer = this.answers.get(name as ProcedureName) as ((input: unknown) => unknown) | undefined;
        if (answer === undefined) throw new TypeError(`${name} is not scripted`);
        return answer(input);
      },
    ]);
    const whole: unknown = {
      ...Object.fromEntries(calls),
      subscribe: (listener: (event: StreamEvent) => void) => {
        this.listeners.add(listener);
        listener({ type: 'status', status: statusOf() });
        return () => this.listeners.delete(listener);
      },
      prometheusMetrics: () => Promise.resolve({ contentType: 'text/plain', text: '' }),
      flumeMetrics: () => ({}),
    };
    this.api = whole as EngineApi;
  }

  publish(event: StreamEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}
