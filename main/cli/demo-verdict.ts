/** The end of a counted demo: the engine's own audit, and a judge that reads what landed without asking the engine. */
import { describeVerdict, judge } from '../../test/rig/judge.ts';
import { nginxHourDirectory, nginxIdOf } from '../../test/rig/nginx-lines.ts';
import { formatCount } from '../../shared/units.ts';
import type { ControlClient } from '../control/control-client.ts';
import { auditText, runAudit } from './audit-command.ts';
import type { DemoSite } from './demo-site.ts';
import { topicOfStream, type Traffic } from './demo-traffic.ts';
import { outputWidth } from './terminal-text.ts';

export interface DemoOutcome {
  readonly client: ControlClient;
  readonly site: DemoSite;
  readonly traffic: Traffic;
  /** Events in quarantine, as the engine says. */
  readonly quarantined: number;
  readonly signal: AbortSignal;
}

export interface DemoVerdict {
  readonly isClean: boolean;
  readonly text: string;
  readonly files: number;
}

export async function demoVerdict(outcome: DemoOutcome): Promise<DemoVerdict> {
  const { client, site, traffic, quarantined, signal } = outcome;
  const report = await runAudit(client, { level: 'deep', signal, isQuiet: false });
  const verdict = await judge({
    tree: site.landed(),
    produced: traffic.produced(),
    identify: nginxIdOf,
    expectedDirectory: (line) => {
      const id = nginxIdOf(line);
      const topic = id === undefined ? undefined : topicOfStream(id.stream);
      return topic === undefined ? undefined : `${topic}/${nginxHourDirectory(line)}`;
    },
    isWithheld: (stream, sequence) => traffic.isPoison(Number(stream), sequence),
  });
  // What landing keeps beside the files for good is no leftover; a temp file would be one.
  const hidden = verdict.hidden.filter((path) => !isKept(path));
  const isQuarantineRight = quarantined === traffic.poisoned;
  const lines = [
    'headgate audit --deep',
    auditText(report, outputWidth()),
    '',
    'the judge, who reads the landed files without the engine',
    describeVerdict({ ...verdict, hidden }),
    `quarantine: ${formatCount(quarantined)} events; sent with an unreadable time: ${formatCount(traffic.poisoned)}${isQuarantineRight ? '' : ' — THESE SHOULD BE EQUAL'}`,
  ];
  return {
    isClean: report.verdict === 'clean' && verdict.isClean && hidden.length === 0 && isQuarantineRight,
    text: lines.join('\n'),
    files: verdict.files,
  };
}

/** Sidecars (the stamp of a file whose target has no attributes) and the directory of markers. */
function isKept(path: string): boolean {
  return path.split('/').some((part) => part === '.headgate' || /^\.headgate-[^/]+\.json$/.test(part));
}
