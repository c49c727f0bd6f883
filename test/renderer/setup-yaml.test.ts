/**
 * Goal: whatever the wizard gathered becomes a file that the real loader takes, and reads as it was typed. Method: the loader itself, over all
 * combinations of choices and over random texts.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readConfigText } from '../../main/config/config-file.ts';
import { maskText } from '../../main/config/config-secret.ts';
import {
  CODECS,
  draftOfTemplate,
  EMPTY_DRAFT,
  MECHANISMS,
  TARGETS,
  type Draft,
} from '../../renderer/pages/setup/draft.ts';
import { problemsOf, STEPS } from '../../renderer/pages/setup/draft-problems.ts';
import { sourcesOf, trialYamlOf, yamlOf } from '../../renderer/pages/setup/draft-yaml.ts';
import { templateText } from '../../main/engine/setup/setup-template.ts';

const SECRETS = { password: 'a "b\' ${env:HOME} #密码' };
const ACCESS_LOG = {
  kind: 'text',
  regex: String.raw`\[(\d{2}/\w{3}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]`,
  pattern: 'dd/MMM/yyyy:HH:mm:ss Z',
  timeZone: '',
  isOwn: false,
} as const;
const DRAFT: Draft = {
  ...EMPTY_DRAFT,
  id: 'xian-gw-1',
  timeZone: 'Asia/Shanghai',
  brokers: 'kafka1:9092, kafka2:9092',
  topics: ['www', 'order'],
  firstNamenode: 'http://nn1:9870',
  secondNamenode: 'http://nn2:9870',
  httpfs: 'https://gateway:14000',
};

function load(draft: Draft, secrets = SECRETS) {
  const loaded = readConfigText(yamlOf(draft, secrets), { path: '/nowhere/headgate.yaml' });
  const errors = loaded.problems.filter(({ severity }) => severity === 'error');
  return { errors: errors.map(({ message }) => message), config: loaded.config };
}

describe('the file of a draft', () => {
  test('is taken by the loader for every combination of choices', () => {
    const wrong: unknown[] = [];
    for (const target of TARGETS)
      for (const codec of CODECS)
        for (const mechanism of MECHANISMS)
          for (const isTls of [false, true])
            for (const topicsBy of ['names', 'regex'] as const)
              for (const startAt of ['earliest', 'latest', 'time'] as const) {
                const more = {
                  username: 'gw',
                  topicsRegex: String.raw`www\..*`,
                  startTime: '2026-11-21T08:00',
                };
                const draft = { ...DRAFT, target, codec, mechanism, isTls, topicsBy, startAt, ...more };
                const { errors } = load(draft);
                const told = STEPS.flatMap((step) => Object.entries(problemsOf(step, draft, SECRETS)));
                if (errors.length > 0 || told.length > 0) wrong.push([draft, errors, told]);
              }
    expect(wrong).toEqual([]);
  });

  test('is taken without what may be left out', () => {
    const { errors } = load({
      ...DRAFT,
      ...{ secondNamenode: '', filePrefix: '', fileSuffix: '', stateDir: '', consoleListen: '' },
    });
    expect(errors).toEqual([]);
  });

  test('says what was chosen', () => {
    const { config } = load({
      ...DRAFT,
      ...{
        stateDir: '/var/网关 1',
        consoleListen: '127.0.0.1:8642',
        codec: 'gzip',
        mechanism: 'scram-sha-512',
      },
      ...{
        username: 'gw',
        isTls: true,
        caFile: '/etc/ca.pem',
        startAt: 'time',
        startTime: '2026-11-21T08:00',
      },
      rules: { www: ACCESS_LOG, order: ACCESS_LOG },
    });
    expect(config).toMatchObject({
      gateway: { id: 'xian-gw-1', stateDir: '/var/网关 1', timeZone: 'Asia/Shanghai' },
      console: { listen: { host: '127.0.0.1', port: 8642 } },
      sources: {
        kafka: {
          bootstrapServers: ['kafka1:9092', 'kafka2:9092'],
          subscription: { kind: 'topics', topics: ['www', 'order'] },
          consumerGroupId: 'headgate.xian-gw-1',
          startAt: { kind: 'time', timeMs: Date.parse('2026-11-21T00:00:00Z') },
          security: {
            sasl: { mechanism: 'scram-sha-512', username: 'gw', password: SECRETS.password },
            tls: { caPath: '/etc/ca.pem' },
          },
          interceptors: [{ regex: ACCESS_LOG.regex, serializers: [{ pattern: ACCESS_LOG.pattern }] }],
        },
      },
      sinks: {
        hdfs: {
          endpoint: { kind: 'namenodes', urls: ['http://nn1:9870', 'http://nn2:9870'] },
          fileSuffix: '.log.gz',
          codec: 'gzip',
        },
      },
    });
  });

  test('topics whose time is read differently have sources and groups of their own', () => {
    const draft: Draft = {
      ...DRAFT,
      topics: ['www', 'order', 'api'],
      rules: { www: ACCESS_LOG, api: ACCESS_LOG },
    };
    expect(sourcesOf(draft).map(({ name, topics }) => [name, topics])).toEqual([
      ['kafka', ['www', 'api']],
      ['kafka-2', ['order']],
    ]);
    const { errors, config } = load(draft);
    expect(errors).toEqual([]);
    expect(
      Object.values(config?.sources ?? {}).map((source) => source.type === 'kafka' && source.consumerGroupId),
    ).toEqual(['headgate.xian-gw-1', 'headgate.xian-gw-1.kafka-2']);
  });

  test('never shows a password that was typed, and refers to one in a file', () => {
    const signed: Draft = { ...DRAFT, mechanism: 'plain', username: 'gw' };
    expect(maskText(yamlOf(signed, SECRETS)).text).not.toContain('密码');
    const inFile = yamlOf({ ...signed, passwordFrom: 'file', passwordFile: "/etc/it's.pw" }, SECRETS);
    expect(inFile).toContain("password: '${file:/etc/it''s.pw}'");
    expect(inFile).not.toContain('密码');
  });

  test('can be tried before there is an address to land at', () => {
    const text = trialYamlOf({ ...DRAFT, firstNamenode: '', secondNamenode: '' }, SECRETS);
    expect(readConfigText(text, { path: '/nowhere/headgate.yaml' }).config).toBeDefined();
  });

  test('any text that is typed comes out of the loader as it was typed', () => {
    const words = fc.array(
      fc.constantFrom(
        "'",
        '"',
        '${env:HOME}',
        '${',
        '$',
        '\\',
        '#',
        ' #',
        ': ',
        '-',
        '[',
        '}',
        '%',
        '&a',
        '*a',
        '!',
        '|',
        '中文',
        '😀',
        '\u2028',
        '\u0085',
        'null',
        'yes',
        '1e3',
        '0x1f',
        'a',
        ' ',
        '~',
        '@',
        '`',
        '---',
      ),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const text = parts.join('').trim();
        fc.pre(text !== '' && !/[\u0000-\u001f\u007f]/.test(text));
        const localPath = `/x${text.replaceAll(/[%/]/g, '')}`.trim();
        const { errors, config } = load(
          { ...DRAFT, target: 'directory', localPath, mechanism: 'scram-sha-256', username: text },
          { password: text },
        );
        expect(errors).toEqual([]);
        expect(config).toMatchObject({
          sources: { kafka: { security: { sasl: { username: text, password: text } } } },
          sinks: { local: { path: localPath } },
        });
      }),
      { numRuns: 200 },
    );
  });

  test('begins with what the engine says of its machine', () => {
    const text = templateText({
      ...{ hostName: 'GW-07.site', timeZone: 'Asia/Shanghai', stateDir: 'C:\\data "x"' },
      console: { host: '127.0.0.1', port: 8642 },
    });
    expect(draftOfTemplate(text)).toEqual({
      ...{
        id: 'gw-07',
        timeZone: 'Asia/Shanghai',
        stateDir: 'C:\\data "x"',
        consoleListen: '127.0.0.1:8642',
      },
    });
  });
});
