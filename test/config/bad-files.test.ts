/**
 * Goal: whatever is wrong in a file is named at its line and column, with a way out.
 * Method: a table of changes to one valid file, each with the place and words of the problem it must give.
 */
import { describe, expect, test } from 'vitest';
import { renderProblems } from '../../main/config/config-render.ts';
import { load, SAMPLE, sampleWith } from './sample-config.ts';

interface BadFile {
  readonly fact: string;
  readonly text: string;
  /** The text that stands where the problem points; its first place in the file is expected unless `nth` says otherwise. */
  readonly at: string;
  readonly message: RegExp;
  readonly hint?: RegExp;
  readonly severity?: 'warning';
}

const SINK_END = '    hdfs.path: /logs/%{topic}/%Y-%m-%d/%H\n';
const withSinkKey = (line: string): string => sampleWith(SINK_END, `${SINK_END}    ${line}\n`);
const withSourceKey = (line: string): string =>
  sampleWith('    kafka.topics: [www]\n', `    kafka.topics: [www]\n    ${line}\n`);
const withChannelKey = (pair: string): string => sampleWith('{ type: file }', `{ type: file, ${pair} }`);
const withInterceptor = (item: string): string =>
  sampleWith('      - type: regex_extractor', `      - ${item}\n      - type: regex_extractor`);

const BAD_FILES: readonly BadFile[] = [
  // YAML itself
  {
    fact: 'a tab as indentation',
    text: sampleWith('  id: gw-1', '\tid: gw-1'),
    at: '\tid',
    message: /a tab/,
    hint: /spaces/,
  },
  {
    fact: 'a key twice',
    text: sampleWith('  id: gw-1\n', '  id: gw-1\n  id: gw-2\n'),
    at: 'id: gw-2',
    message: /here twice/,
  },
  {
    fact: 'an open bracket',
    text: sampleWith('[kafka1:9092]', '[kafka1:9092'),
    at: 'kafka.topics',
    message: /missing|does not belong|invalid|indentation|inside/,
  },
  { fact: 'an alias', text: sampleWith('id: gw-1', 'id: *x'), at: '*x', message: /alias/ },
  { fact: 'an anchor', text: sampleWith('id: gw-1', 'id: &x gw-1'), at: 'gw-1', message: /anchor/ },
  { fact: 'a tag', text: sampleWith('id: gw-1', 'id: !secret gw-1'), at: '!secret', message: /tag/ },
  { fact: 'two documents', text: `${SAMPLE}---\na: 1\n`, at: '---', message: /second document/ },
  {
    fact: 'a list where the root map should be',
    text: '- a\n',
    at: '- a',
    message: /headgate.yaml is a map/,
  },
  // Keys
  {
    fact: 'a mistyped key',
    text: withSinkKey('hdfs.rollSze: 1MiB'),
    at: 'hdfs.rollSze',
    message: /unknown key "hdfs.rollSze"/,
    hint: /"hdfs.rollSize"/,
  },
  {
    fact: 'a mistyped section',
    text: sampleWith('channels:\n  disk', 'chanels:\n  disk'),
    at: 'chanels',
    message: /unknown key/,
    hint: /"channels"/,
  },
  {
    fact: 'a key without its prefix',
    text: withSinkKey('rollSize: 1MiB'),
    at: 'rollSize',
    message: /unknown key/,
    hint: /"hdfs.rollSize"/,
  },
  {
    fact: 'a dotted key written as a tree',
    text: withSourceKey('kafka: { topics: [a] }'),
    at: 'kafka: {',
    message: /unknown key/,
    hint: /with dots/,
  },
  {
    fact: 'a space forgotten after a colon',
    text: sampleWith('{ type: file }', '{ type: file, capacityBytes:1GiB }'),
    at: 'capacityBytes:1GiB',
    message: /unknown key "capacityBytes:…"/,
    hint: /space is missing/,
  },
  {
    fact: 'a missing key',
    text: sampleWith('    kafka.bootstrap.servers: [kafka1:9092]\n', ''),
    at: 'weblogs',
    message: /needs "kafka.bootstrap.servers"/,
  },
  { fact: 'a key without a value', text: sampleWith('id: gw-1', 'id:'), at: 'id:', message: /no value/ },
  {
    fact: 'a type that is mistyped',
    text: sampleWith('type: kafka', 'type: kafak'),
    at: 'kafak',
    message: /not a type of source/,
    hint: /"kafka"/,
  },
  {
    fact: 'a type that Flume has and Headgate has not',
    text: sampleWith('type: kafka', 'type: spooldir'),
    at: 'spooldir',
    message: /does not have this source yet/,
  },
  {
    fact: 'a name with a slash',
    text: SAMPLE.replace('  beijing:', '  bei/jing:'),
    at: 'bei/jing',
    message: /letters, digits/,
  },
  {
    fact: 'a name that means something to JavaScript',
    text: SAMPLE.replace('  beijing:', '  a.__proto__:'),
    at: 'a.__proto__',
    message: /letters, digits/,
  },
  // Values
  {
    fact: 'a size in powers of ten',
    text: withSinkKey('hdfs.rollSize: 128MB'),
    at: '128MB',
    message: /expected a size/,
    hint: /MiB/,
  },
  {
    fact: 'our own time without a unit',
    text: withSinkKey('retainAfterLanding: 60'),
    at: '60',
    message: /without a unit/,
    hint: /10min/,
  },
  {
    fact: 'a negative time',
    text: withSinkKey('hdfs.rollInterval: -97'),
    at: '-97',
    message: /expected a time/,
  },
  {
    fact: 'a time zone that is mistyped',
    text: sampleWith('Asia/Shanghai', 'Asia/Shanghia'),
    at: 'Asia/Shanghia',
    message: /time zone/,
    hint: /Asia\/Shanghai/,
  },
  { fact: 'a three-letter zone', text: sampleWith('Asia/Shanghai', 'CST'), at: 'CST', message: /time zone/ },
  {
    fact: 'an RPC address as a NameNode',
    text: sampleWith('http://nn1:9870,', 'hdfs://nn1:8020,'),
    at: '[hdfs://nn1',
    message: /not a web address/,
    hint: /9870/,
  },
  {
    fact: 'an unquoted permission',
    text: withSinkKey('hdfs.permission: 0o644'),
    at: '0o644',
    message: /quotes/,
    hint: /'644'/,
  },
  { fact: 'a gateway id in capitals', text: sampleWith('gw-1', 'GW_1'), at: 'GW_1', message: /gateway id/ },
  {
    fact: 'a broker with a scheme',
    text: sampleWith('[kafka1:9092]', '[PLAINTEXT://kafka1:9092]'),
    at: '[PLAIN',
    message: /host:port/,
  },
  {
    fact: 'a list with a double',
    text: sampleWith('[www]', '[www, www]'),
    at: '[www, www]',
    message: /twice/,
  },
  {
    fact: 'a batch of nothing',
    text: withSourceKey('batchSize: 0'),
    at: '0\n    interceptors',
    message: /from 1 to/,
  },
  {
    fact: 'a flag that is no flag',
    text: withSinkKey('paused: maybe'),
    at: 'maybe',
    message: /true or false/,
  },
  {
    fact: 'a start time without a zone',
    text: withSourceKey('startAt: 2026-11-21T00:00:00'),
    at: '2026-11-21',
    message: /ISO time/,
  },
  // Refused
  {
    fact: 'SequenceFile',
    text: withSinkKey('hdfs.fileType: SequenceFile'),
    at: 'SequenceFile',
    message: /SequenceFile is refused: Hadoop writes/,
  },
  {
    fact: 'Kerberos',
    text: withSinkKey('hdfs.kerberosPrincipal: a@B'),
    at: 'hdfs.kerberosPrincipal',
    message: /refused: Kerberos/,
  },
  {
    fact: 'auto commit',
    text: withSourceKey('kafka.consumer.enable.auto.commit: true'),
    at: 'kafka.consumer.enable',
    message: /refused: Headgate sets it/,
  },
  {
    fact: 'SASL among the consumer settings',
    text: withSourceKey('kafka.consumer.sasl.jaas.config: x'),
    at: 'kafka.consumer.sasl',
    message: /section of its own/,
    hint: /security/,
  },
  {
    fact: 'an unknown consumer setting',
    text: withSourceKey('kafka.consumer.foo.bar: 1'),
    at: 'kafka.consumer.foo',
    message: /no counterpart/,
  },
  {
    fact: 'channel encryption',
    text: withChannelKey('encryption.activeKey: k'),
    at: 'encryption.activeKey',
    message: /must not pretend/,
  },
  {
    fact: 'a memory channel that spills',
    text: sampleWith('type: file', 'type: memory, spillAfter: 1min'),
    at: 'spillAfter',
    message: /unknown key/,
  },
  {
    fact: 'a memory too small for a chunk',
    text: sampleWith('type: file', 'type: spillable, memoryCapacityBytes: 1MiB'),
    at: '1MiB',
    message: /./,
  },
  // Between the parts
  {
    fact: 'a channel that is not there',
    text: sampleWith('channels: [disk]', 'channels: [disc]'),
    at: '[disc]',
    message: /no channel is called "disc"/,
    hint: /"disk"/,
  },
  {
    fact: 'a channel that nobody feeds',
    text: sampleWith('  disk: { type: file }', '  disk: { type: file }\n  spare: { type: file }'),
    at: 'spare',
    message: /no source feeds/,
  },
  {
    fact: 'a channel that nobody empties',
    text: sampleWith('  disk: { type: file }', '  disk: { type: file }\n  spare: { type: file }'),
    at: 'spare',
    message: /no sink empties/,
  },
  {
    fact: 'a channel with two sinks',
    text: `${SAMPLE}  second: { type: directory, channel: disk, path: /data }\n`,
    at: 'disk, path',
    message: /already feeds the sink "beijing"/,
    hint: /channel of its own/,
  },
  {
    fact: 'time escapes without a zone',
    text: sampleWith('  timeZone: Asia/Shanghai\n', ''),
    at: '/logs',
    message: /no time zone/,
  },
  {
    fact: 'an escape that Flume does not know',
    text: sampleWith('%H', '%Q'),
    at: '/logs',
    message: /does not know/,
  },
  { fact: 'a relative path', text: sampleWith('/logs/', 'logs/'), at: 'logs/%', message: /not absolute/ },
  { fact: 'a path that climbs', text: sampleWith('/logs/', '/logs/../'), at: '/logs', message: /\. or \.\./ },
  {
    fact: 'gzip behind another suffix',
    text: withSinkKey('hdfs.codeC: gzip\n    hdfs.fileSuffix: .log'),
    at: '.log\n',
    message: /hides ".gz"/,
    hint: /'.log.gz'/,
  },
  {
    fact: 'DataStream with a codec',
    text: withSinkKey('hdfs.codeC: gzip\n    hdfs.fileType: DataStream'),
    at: 'DataStream',
    message: /DataStream with a codec/,
  },
  {
    fact: 'no cluster',
    text: sampleWith('    hdfs.namenodes: [http://nn1:9870, http://nn2:9870]\n', ''),
    at: 'beijing',
    message: /needs "hdfs.namenodes"/,
  },
  {
    fact: 'two kinds of cluster',
    text: withSinkKey('hdfs.httpfs: http://gw:14000'),
    at: 'hdfs.httpfs',
    message: /both/,
  },
  {
    fact: 'nothing that rolls',
    text: withSinkKey('hdfs.rollSize: 0\n    hdfs.rollInterval: 0\n    hdfs.idleTimeout: 0'),
    at: 'beijing',
    message: /ever rolls/,
  },
  {
    fact: 'a millis serializer without a pattern',
    text: sampleWith(", pattern: 'dd/MMM/yyyy:HH:mm:ss Z'", ''),
    at: '{ type: millis',
    message: /needs "pattern"/,
  },
  {
    fact: 'an event larger than the channel',
    text: withChannelKey('capacityBytes: 16MiB, minFreeDiskBytes: 0'),
    at: '16MiB',
    message: /largest event/,
  },
  {
    fact: 'fixed without partitions',
    text: withSourceKey('assignment: fixed'),
    at: 'weblogs',
    message: /needs "partitions"/,
  },
  {
    fact: 'partitions of a topic that is not read',
    text: withSourceKey('assignment: fixed\n    partitions: { www: [0], order: [1] }'),
    at: 'order',
    message: /not in "kafka.topics"/,
  },
  {
    fact: 'a selector that leaves the source',
    text: withSourceKey('selector: { type: multiplexing, mapping: { a: [gold] }, default: [disk] }'),
    at: '[gold]',
    message: /not among/,
  },
  {
    fact: 'remove_header without anything',
    text: withInterceptor('type: remove_header'),
    at: 'type: remove_header',
    message: /nothing to remove/,
  },
  // References
  {
    fact: 'a variable that is not set',
    text: sampleWith('gw-1', '${env:NOT_SET}'),
    at: '${env',
    message: /NOT_SET is not set/,
  },
  {
    fact: 'a file that is not there',
    text: sampleWith('gw-1', '${file:/nonexistent/file}'),
    at: '${file',
    message: /cannot be read \(ENOENT\)/,
  },
  {
    fact: 'a reference of another kind',
    text: sampleWith('gw-1', '${sys:user}'),
    at: '${sys',
    message: /unknown kind/,
  },
  // Warnings
  {
    fact: 'a Flume key without effect',
    text: withChannelKey('dataDirs: /data'),
    at: 'dataDirs',
    message: /no effect: all channels/,
    severity: 'warning',
  },
  {
    fact: 'a password in clear text',
    text: withSourceKey('security: { sasl: { mechanism: plain, username: a, password: b } }'),
    at: 'sasl',
    message: /clear text/,
    severity: 'warning',
  },
  {
    fact: 'a console for everybody',
    text: `console: { listen: 0.0.0.0:80 }\n${SAMPLE}`,
    at: '0.0.0.0',
    message: /reachable/,
    hint: /tls: \{ cert/,
  },
  {
    fact: 'a console with half a certificate',
    text: `console: { listen: 0.0.0.0:443, tls: { cert: /x.pem } }\n${SAMPLE}`,
    at: 'tls',
    message: /"key" is missing|needs "key"|key/,
  },
  {
    fact: 'a disk kept emptier than the channel is large',
    text: withChannelKey('capacityBytes: 1GiB, minFreeDiskBytes: 3GiB'),
    at: '3GiB',
    message: /keeps more room/,
    severity: 'warning',
  },
];

function placeOfText(text: string, piece: string): { line: number; column: number } {
  const offset = text.indexOf(piece);
  if (offset < 0) throw new Error(`not in the file: ${piece}`);
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

describe('a bad file is explained', () => {
  test('the file that the others are made of is good', () => {
    expect(load(SAMPLE).problems).toEqual([]);
  });

  test.each(BAD_FILES)('$fact', ({ text, at, message, hint, severity = 'error' }) => {
    const loaded = load(text);
    const found = loaded.problems.find((problem) => message.test(problem.message));
    expect(found, JSON.stringify(loaded.problems)).toBeDefined();
    expect({ line: found?.line, column: found?.column }).toEqual(placeOfText(text, at));
    expect(found?.severity).toBe(severity);
    expect(found?.hint).toMatch(hint ?? /./);
    expect(loaded.config === undefined).toBe(severity === 'error');
  });

  test('problems come in the order of the file, all at once', () => {
    const loaded = load(
      sampleWith('id: gw-1', 'id: GW').replace('[www]', '[]').replace('/logs/%{topic}/%Y-%m-%d/%H', "''"),
    );
    expect(loaded.problems.map((problem) => problem.line)).toEqual([2, 8, 21]);
  });

  test('two sources over one topic into one directory are refused, into two directories they need two groups', () => {
    const second = `  more:\n    type: kafka\n    kafka.bootstrap.servers: [kafka1:9092]\n    kafka.topics.regex: 'w+'\n    channels: [disk]\n`;
    const overlapping = load(sampleWith('channels:\n  disk', `${second}channels:\n  disk`));
    expect(overlapping.problems.map((problem) => problem.message)).toEqual([
      'the source "weblogs" reads the topic "www" too, and lands it in the same directory',
    ]);
    const apart = load(sampleWith('channels:\n  disk', `${second.replace('w+', 'v+')}channels:\n  disk`));
    expect(apart.problems.map((problem) => problem.message)).toEqual([
      'the sources "weblogs" and "more" share a consumer group',
    ]);
  });

  test('a problem is shown with its line and a caret, as a compiler does', () => {
    const loaded = load(withSinkKey('hdfs.rollSze: 128MiB'));
    expect(renderProblems(loaded)).toBe(
      [
        '/etc/headgate/headgate.yaml:22:5: error: unknown key "hdfs.rollSze" in a sink of type hdfs',
        '  22 |     hdfs.rollSze: 128MiB',
        '     |     ^',
        '     = Did you mean "hdfs.rollSize"?',
      ].join('\n'),
    );
  });
});
