/**
 * The contract of the configuration: from the plain tree of `headgate.yaml` to a typed `GatewayConfig` in which every default is
 * filled in, every size is in bytes and every time in milliseconds. The vocabulary stands in the key tables beside this file.
 */
import type * as z from 'zod';
import type { ChannelConfig } from './config-channel.ts';
import { findConflicts } from './config-check.ts';
import { endpointOf, splitAuthority } from './config-endpoint.ts';
import type { HdfsEndpoint } from './config-endpoint.ts';
import type { StartPoint } from './config-fields.ts';
import type { InterceptorConfig } from './config-interceptor.ts';
import type { ConfigFinding } from './config-problem.ts';
import { fileSchema } from './config-schema.ts';
import type { FileConfig } from './config-schema.ts';
import type { SinkFileConfig } from './config-sink.ts';
import { groupPlaceOf, type SinkGroupPlace } from './config-sink-group.ts';
import type { SourceFileConfig } from './config-source.ts';
import { entryOf, isRawMap, paramsOf, shapeOf } from './config-table.ts';

export type { ChannelConfig } from './config-channel.ts';
export type { HdfsEndpoint } from './config-endpoint.ts';
export type { Endpoint, StartPoint } from './config-fields.ts';
export type { InterceptorConfig, SerializerConfig } from './config-interceptor.ts';
export type { SecurityConfig, SelectorConfig, TlsConfig } from './config-source.ts';

export type FilesSourceConfig = Extract<SourceFileConfig, { readonly type: 'files' }>;

type KafkaFileConfig = Extract<SourceFileConfig, { readonly type: 'kafka' }>;
export type Subscription =
  | { readonly kind: 'topics'; readonly topics: readonly string[] }
  /** A Java regular expression over the whole topic name. */
  | { readonly kind: 'regex'; readonly regex: string };
export type Assignment =
  | { readonly kind: 'group' }
  | { readonly kind: 'fixed'; readonly partitions: Readonly<Record<string, readonly number[]>> };

type Without<T, K extends PropertyKey> = { readonly [P in keyof T as P extends K ? never : P]: T[P] };

export interface KafkaSourceConfig extends Without<
  KafkaFileConfig,
  'topics' | 'topicsRegex' | 'assignment' | 'partitions' | 'consumerGroupId' | 'clientId' | 'startAt'
> {
  readonly subscription: Subscription;
  readonly consumerGroupId: string;
  readonly clientId: string;
  readonly assignment: Assignment;
  readonly startAt: StartPoint;
}
export type SourceConfig = KafkaSourceConfig | FilesSourceConfig;

type HdfsFileConfig = Extract<SinkFileConfig, { readonly type: 'hdfs' }>;
type RoundKey = 'isRounded' | 'roundValue' | 'roundUnit' | 'fileType';
export interface Rounding {
  readonly value: number;
  readonly unit: 'second' | 'minute' | 'hour';
}
export interface HdfsSinkConfig extends Without<
  HdfsFileConfig,
  RoundKey | 'namenodes' | 'httpfs' | 'nameservices'
> {
  readonly endpoint: HdfsEndpoint;
  readonly rounding?: Rounding;
  readonly group?: SinkGroupPlace;
}
export interface DirectorySinkConfig extends Without<
  Extract<SinkFileConfig, { readonly type: 'directory' }>,
  RoundKey
> {
  readonly rounding?: Rounding;
  readonly group?: SinkGroupPlace;
}
export type SinkConfig = HdfsSinkConfig | DirectorySinkConfig;

/** A whole configuration, plain JSON. It carries secrets: show it through `config-render.ts` only. */
export interface GatewayConfig {
  readonly gateway: { readonly id: string; readonly stateDir: string; readonly timeZone?: string };
  readonly console?: NonNullable<FileConfig['console']>;
  readonly metrics?: NonNullable<FileConfig['metrics']>;
  readonly sources: Readonly<Record<string, SourceConfig>>;
  readonly channels: Readonly<Record<string, ChannelConfig>>;
  readonly sinks: Readonly<Record<string, SinkConfig>>;
  readonly alerts: FileConfig['alerts'];
}

export interface ResolveOptions {
  /** The platform's state directory, for a file that names none. */
  readonly defaultStateDir: string;
}

export interface ResolvedConfig {
  /** Absent when a finding is an error. */
  readonly config?: GatewayConfig;
  readonly findings: readonly ConfigFinding[];
}

/** Reads the plain tree of the file. Never throws for what the file says; errors and warnings are findings. */
export function resolveConfig(raw: unknown, options: ResolveOptions): ResolvedConfig {
  const warnings = findIgnoredKeys(raw);
  const outcome = fileSchema.safeParse(raw);
  if (!outcome.success) {
    const errors = outcome.error.issues.map((issue): ConfigFinding => {
      const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
      return { severity: 'error', path, message: issue.message, ...paramsOf(issue) };
    });
    return { findings: [...errors, ...warnings] };
  }
  const conflicts = findConflicts(outcome.data);
  const findings = [...conflicts, ...warnings];
  if (conflicts.some((finding) => finding.severity === 'error')) return { findings };
  return { config: related(outcome.data, options), findings };
}

function related(file: FileConfig, options: ResolveOptions): GatewayConfig {
  const { gateway, sinkGroups, ...rest } = file;
  return {
    ...rest,
    gateway: { ...gateway, stateDir: gateway.stateDir ?? options.defaultStateDir },
    sources: mapped(file.sources, (source) => relatedSource(source, file)),
    sinks: Object.fromEntries(
      Object.entries(file.sinks).map(([name, sink]) => {
        const group = groupPlaceOf(name, sinkGroups);
        const plain = relatedSink(sink, file);
        return [name, group === undefined ? plain : { ...plain, group }];
      }),
    ),
  };
}

function mapped<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

function relatedSource(source: SourceFileConfig, file: FileConfig): SourceConfig {
  const interceptors = source.interceptors.map((interceptor) => withZone(interceptor, file.gateway.timeZone));
  if (source.type === 'files') return { ...source, interceptors };
  const { topics, topicsRegex, assignment, partitions, consumerGroupId, clientId, ...rest } = source;
  return {
    ...rest,
    interceptors,
    subscription:
      topicsRegex === undefined
        ? { kind: 'topics', topics: topics ?? [] }
        : { kind: 'regex', regex: topicsRegex },
    consumerGroupId: consumerGroupId ?? defaultGroupId(file.gateway.id),
    clientId: clientId ?? `headgate-${file.gateway.id}`,
    assignment: assignment === 'fixed' ? { kind: 'fixed', partitions } : { kind: 'group' },
  };
}

export function defaultGroupId(gatewayId: string): string {
  return `headgate.${gatewayId}`;
}

function withZone(interceptor: InterceptorConfig, zone: string | undefined): InterceptorConfig {
  if (interceptor.type !== 'regex_extractor' || zone === undefined) return interceptor;
  return {
    ...interceptor,
    serializers: interceptor.serializers.map((serializer) => ({ timeZone: zone, ...serializer })),
  };
}

function relatedSink(sink: SinkFileConfig, file: FileConfig): SinkConfig {
  const { isRounded, roundValue, roundUnit, fileType: _fileType, ...landing } = sink;
  const zone = sink.timeZone ?? file.gateway.timeZone;
  const more = {
    ...(zone === undefined ? {} : { timeZone: zone }),
    ...(isRounded ? { rounding: { value: roundValue, unit: roundUnit } } : {}),
  };
  if (landing.type === 'directory') return { ...landing, ...more };
  const { namenodes, httpfs, nameservices, ...rest } = landing;
  const { authority, path } = splitAuthority(landing.path);
  const endpoint = endpointOf({ namenodes, httpfs, nameservices, authority });
  if (endpoint === undefined) throw new Error('config: a sink without an endpoint passed the checks');
  return { ...rest, ...more, path, endpoint };
}

function findIgnoredKeys(raw: unknown): ConfigFinding[] {
  return [...ignoredKeys(fileSchema, raw, [])];
}

type Path = readonly (string | number)[];

function* ignoredKeys(schema: z.ZodType, raw: unknown, path: Path): Generator<ConfigFinding> {
  const shape = shapeOf(schema);
  if (shape?.kind === 'list' && Array.isArray(raw)) {
    for (const [index, item] of (raw as unknown[]).entries())
      yield* ignoredKeys(shape.of, item, [...path, index]);
    return;
  }
  if (shape === undefined || shape.kind === 'list' || !isRawMap(raw)) return;
  if (shape.kind === 'map') {
    for (const [name, value] of Object.entries(raw)) yield* ignoredKeys(shape.of, value, [...path, name]);
    return;
  }
  const type = shape.kind === 'variants' ? shape.canonicalType(raw['type']) : undefined;
  const table = shape.kind === 'table' ? shape.table : type === undefined ? undefined : shape.tables[type];
  if (table === undefined) return;
  for (const [key, value] of Object.entries(raw)) {
    const entry = entryOf(table, key);
    if (entry?.kind === 'ignored') yield hasNoEffect([...path, key], entry.reason);
    else if (entry !== undefined && 'schema' in entry)
      yield* ignoredKeys(entry.schema, value, [...path, key]);
  }
}

function hasNoEffect(path: Path, reason: string): ConfigFinding {
  const message = `"${path.at(-1) ?? ''}" has no effect: ${reason}`;
  return { severity: 'warning', path, at: 'key', message, hint: 'Remove the line to silence this.' };
}
