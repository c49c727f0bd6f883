import { SAMPLE_EVENTS_MAX, type WhatIfInput } from '../../../shared/contract/control-what-if.ts';
import type { TryInput } from './try-store.ts';

const LINES_MAX = 10_000;

/** What is still missing for a kind. */
export const WAITING_SAMPLE_HINT = {
  topic: 'configuration.try.needsCount',
  backlog: 'configuration.try.needsKey',
  quarantine: 'configuration.try.needsCount',
  lines: 'configuration.try.needsLines',
} as const;

/** The sample as the engine is asked for it; undefined while something is missing. */
export function sampleOf(input: TryInput): WhatIfInput['sample'] | undefined {
  const { kind, last, topic, landingKeyId, reason } = input;
  if (kind === 'lines') {
    const lines = input.lines
      .split(/\r?\n/)
      .filter((line) => line !== '')
      .slice(0, LINES_MAX);
    return lines.length === 0 || input.linesTopic === ''
      ? undefined
      : { kind, topic: input.linesTopic, lines };
  }
  if (!Number.isInteger(last) || last < 1 || last > SAMPLE_EVENTS_MAX) return undefined;
  switch (kind) {
    case 'topic':
      return { kind, last, ...(topic === '' ? {} : { topic }) };
    case 'backlog':
      return landingKeyId === undefined ? undefined : { kind, last, landingKeyId };
    case 'quarantine':
      return { kind, last, ...(reason === '' ? {} : { reason }) };
  }
}
