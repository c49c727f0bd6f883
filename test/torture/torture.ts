#!/usr/bin/env node
/** `npm run torture -- --minutes N --seed S`: one run of the fault harness. See `torture-run.ts` for what it does. */
import { parseArgs } from 'node:util';
import { javaProblem } from '../rig/jars.ts';
import { FAULT_NAMES } from './adversary.ts';
import { torture, type TortureReport } from './torture-run.ts';

const HELP = `npm run torture -- [options]

Starts a real Kafka and HDFS, one to three gateways and an adversary that kills, freezes, cuts, slows, refuses, pauses and edits at
random; then heals everything, waits until all has landed, and judges from outside the engine whether each event is in HDFS once, in
the directory of its own time, or listed with its reason. The seed decides the faults and their order; their exact moments depend on
the machine.

  --minutes N       how long the adversary acts (3)
  --seed S          a whole number (drawn)
  --gateways 1..3   in one consumer group (2)
  --rate N          events a second (400)
  --brokers 1|3     (3)
  --namenodes 1|2   (2)
  --datanodes N     (2)
  --only A,B        these kinds of faults only: kill crash-point stop freeze write-pause edit no-room disk-full clock
                    cut link split lost-reply broker datanode namenode safe-mode rights quota retention
                    (disk-full mounts a small disk a gateway: only as root)
  --json            the report as one JSON document on standard output
  --quiet           no time line while it runs
  --help

Exit status: 0 clean, 1 something was found (state directories, logs and server data are kept; it says where), 2 wrong use.
`;

const UINT31 = 2 ** 31;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '3' },
      seed: { type: 'string' },
      gateways: { type: 'string', default: '2' },
      rate: { type: 'string', default: '400' },
      brokers: { type: 'string', default: '3' },
      namenodes: { type: 'string', default: '2' },
      datanodes: { type: 'string', default: '2' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const problem = javaProblem();
  if (problem !== undefined) throw new RangeError(`the servers can't run here: ${problem}`);
  const seed = values.seed === undefined ? Date.now() % UINT31 : within('seed', values.seed, 0, UINT31);
  const report = await torture({
    seed,
    minutes: within('minutes', values.minutes, 0.1, 600),
    gateways: within('gateways', values.gateways, 1, 3),
    rate: within('rate', values.rate, 1, 100_000),
    brokers: within('brokers', values.brokers, 1, 3),
    namenodes: within('namenodes', values.namenodes, 1, 2),
    datanodes: within('datanodes', values.datanodes, 1, 5),
    only: faultNames(values.only),
    print: (line) => {
      if (!values.quiet) process.stderr.write(`${line}\n`);
    },
  });
  const text = values.json ? `${JSON.stringify(report)}\n` : describe(report);
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
  return report.isClean ? 0 : 1;
}

function faultNames(text: string): string[] {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !FAULT_NAMES.includes(name));
  if (unknown !== undefined) throw new RangeError(`--only knows no ${unknown}, but ${FAULT_NAMES.join(' ')}`);
  if (names.every((name) => name === 'retention') && names.length > 0)
    throw new RangeError('retention comes beside other faults: name one more');
  return names;
}

function within(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!(value >= min && value <= max)) throw new RangeError(`--${name} takes a number from ${min} to ${max}`);
  return value;
}

function describe(report: TortureReport): string {
  const { timeline: _shown, problems, directory, faults, ...figures } = report;
  const rows = Object.entries({
    ...figures,
    ...Object.fromEntries(Object.entries(faults).map(([name, count]) => [`faults: ${name}`, count])),
  });
  const text = rows.map(([name, value]) => `${name.padEnd(20)} ${String(value)}`);
  if (report.isClean) return `${text.join('\n')}\nCLEAN: each event once\n`;
  return `${text.join('\n')}\nFOUND:\n${problems.join('\n')}\nkept in ${directory}\n`;
}

function isWrongUse(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return error instanceof RangeError || code.startsWith('ERR_PARSE_ARGS');
}

try {
  // A client's connection to a server that died in the middle of it may linger: the run is over all the same.
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(isWrongUse(error) ? 2 : 1);
}
