/** Rules about groups of sinks: what a file of the group would be must not depend on which of them lands it. */
import { endpointOf, splitAuthority } from './config-endpoint.ts';
import { error, errorAtKey } from './config-rule.ts';
import type { Rule, Sink } from './config-rule.ts';
import type { ConfigFinding } from './config-problem.ts';
import type { FileConfig } from './config-schema.ts';

const groupsNameTheirSinks: Rule = (file) =>
  Object.entries(file.sinkGroups).flatMap(([name, group]) => {
    const findings: ConfigFinding[] = [];
    const at = ['sinkgroups', name, 'sinks'];
    if (Object.hasOwn(file.sinks, name))
      findings.push(
        errorAtKey(
          ['sinkgroups', name],
          `a sink has the name "${name}" too`,
          'Give the group a name of its own.',
        ),
      );
    for (const sink of group.sinks) {
      if (!Object.hasOwn(file.sinks, sink))
        findings.push(error(at, `there is no sink "${sink}"`, 'Name sinks of the section "sinks:".'));
      const others = Object.entries(file.sinkGroups).filter(
        ([other, { sinks }]) => other !== name && sinks.includes(sink),
      );
      for (const [other] of others)
        findings.push(
          error(at, `the sink "${sink}" is in the group "${other}" too`, 'A sink is in one group.'),
        );
    }
    if (group.sinks.length < 2)
      findings.push(error(at, 'a group of one sink', 'List at least two, or remove the group.'));
    for (const sink of Object.keys(group.priorities))
      if (!group.sinks.includes(sink))
        findings.push(
          errorAtKey(
            ['sinkgroups', name, `processor.priority.${sink}`],
            `"${sink}" is not in the group`,
            'Give priorities to sinks of the group only.',
          ),
        );
    const given = Object.values(group.priorities);
    if (new Set(given).size !== given.length)
      findings.push(
        errorAtKey(['sinkgroups', name], 'two sinks have the same priority', 'Give each its own.'),
      );
    return findings;
  });

/** What decides the bytes and the name of a file, by the key that an operator knows it by. */
const SHARED: Readonly<Record<string, (sink: Sink) => unknown>> = {
  channel: (sink) => sink.channel,
  path: (sink) => splitAuthority(sink.path).path,
  filePrefix: (sink) => sink.filePrefix,
  fileSuffix: (sink) => sink.fileSuffix,
  codeC: (sink) => sink.codec,
  serializer: (sink) => sink.serializer,
  'serializer.appendNewline': (sink) => sink.isNewlineAppended,
  timeZone: (sink) => sink.timeZone,
  useLocalTimeStamp: (sink) => sink.usesLocalTime,
  onMissingTime: (sink) => sink.onMissingTime,
  round: (sink) => [sink.isRounded, sink.isRounded && [sink.roundValue, sink.roundUnit]],
};

const groupsAgree: Rule = (file) =>
  membersOf(file).flatMap(([group, members]) => {
    const [first, ...others] = members;
    if (first === undefined) return [];
    const [firstName, firstSink] = first;
    const findings: ConfigFinding[] = [];
    for (const [name, sink] of members) {
      if (sink.type !== 'hdfs')
        findings.push(
          error(
            ['sinks', name, 'type'],
            `a directory sink in the group "${group}": its path is the place itself, so no other sink can share it`,
            'Groups are for sinks of type hdfs.',
          ),
        );
      if (sink.completeness !== undefined)
        findings.push(
          errorAtKey(
            ['sinks', name, 'completeness'],
            `completeness in the group "${group}": a directory's files may stand in several clusters, and no marker in one of them could speak for it`,
            'Remove "completeness", or the group.',
          ),
        );
    }
    for (const [name, sink] of others) {
      for (const [key, read] of Object.entries(SHARED)) {
        if (JSON.stringify(read(sink)) === JSON.stringify(read(firstSink))) continue;
        findings.push(
          errorAtKey(
            ['sinks', name],
            `"${key}" is not the same as that of "${firstName}", with which it is in the group "${group}": a file must not depend on who lands it`,
            'Make them the same, or give each sink a channel of its own.',
          ),
        );
      }
    }
    return findings;
  });

/** Two ways to one place protect from nothing that the HA pair in one sink does not protect from. */
const groupsLeadElsewhere: Rule = (file) =>
  membersOf(file).flatMap(([group, members]) =>
    members.slice(1).flatMap(([name, sink], at) => {
      const same = members.slice(0, at + 1).find(([, other]) => placeOf(other) === placeOf(sink));
      if (same === undefined || sink.type !== 'hdfs') return [];
      return [
        errorAtKey(
          ['sinks', name],
          `it leads to the same servers as "${same[0]}" of its group "${group}"`,
          'Name another cluster, or remove it.',
        ),
      ];
    }),
  );

function placeOf(sink: Sink): string {
  if (sink.type !== 'hdfs') return '';
  return JSON.stringify(endpointOf({ ...sink, authority: splitAuthority(sink.path).authority }));
}

function membersOf(file: FileConfig): [string, [string, Sink][]][] {
  return Object.entries(file.sinkGroups).map(([group, { sinks }]) => [
    group,
    sinks.flatMap((name): [string, Sink][] => {
      const sink = file.sinks[name];
      return sink === undefined ? [] : [[name, sink]];
    }),
  ]);
}

export const groupRules: readonly Rule[] = [groupsNameTheirSinks, groupsAgree, groupsLeadElsewhere];
