/** From a sink of the configuration to what its parts are told: the target, the lander, and the maker of landing keys. */
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import type { GatewayConfig, SinkConfig, TlsConfig } from '../../shared/contract/config.ts';
import { GatewayError } from '../../shared/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import type { LanderSettings } from '../landing/lander-settings.ts';
import {
  makeLandingKeyMaker,
  type LandingKeyMaker,
  type LandingKeySettings,
} from '../landing/landing-key-maker.ts';
import type { HostNames } from '../landing/path-template.ts';
import type { TargetSettings } from '../sinks/create-target.ts';

/** A directory's hour counts as complete this long after its end, when nothing came for `BUCKET_QUIET_MS`. */
const BUCKET_GRACE_MS = MINUTE_MS;
const BUCKET_QUIET_MS = 10 * SECOND_MS;
/** Raised when the bytes of a file change for the same settings. */
const LANDING_VERSION = 1;

export interface SinkSettings {
  readonly name: string;
  readonly channel: string;
  readonly target: TargetSettings;
  readonly lander: LanderSettings;
}

export function sinkSettings(name: string, config: GatewayConfig, stateId: string): SinkSettings {
  const sink = config.sinks[name];
  if (sink === undefined) throw new Error(`no sink ${name}`);
  const isHdfs = sink.type === 'hdfs';
  return {
    name,
    channel: sink.channel,
    target: targetSettings(sink),
    lander: {
      sink: name,
      gatewayId: config.gateway.id,
      stateId,
      markerDirectory: `${rootOf(sink.path).replace(/\/$/, '')}/.headgate/${config.gateway.id}`,
      ...(sink.group === undefined ? {} : { group: sink.group.name, penaltyMaxMs: sink.group.maxPenaltyMs }),
      uploads: sink.uploads,
      roll: {
        sizeBytes: sink.rollSizeBytes,
        intervalMs: sink.rollIntervalMs,
        count: sink.rollCount,
        idleMs: sink.idleTimeoutMs,
        bucketGraceMs: BUCKET_GRACE_MS,
        bucketQuietMs: BUCKET_QUIET_MS,
      },
      inUsePrefix: sink.inUsePrefix,
      inUseSuffix: sink.inUseSuffix,
      hasCodecExtensionBeforeSuffix: false,
      permission: sink.permission,
      replication: isHdfs ? sink.replication : undefined,
      blockSizeBytes: isHdfs ? sink.blockSizeBytes : undefined,
      retainAfterLandingMs: sink.retainAfterLandingMs,
      completenessMarker: sink.completeness?.marker,
    },
  };
}

/** The part of a path before its first escape, which is the root that the sink never leaves. */
export function rootOf(path: string): string {
  const escape = path.indexOf('%');
  if (escape < 0) return path;
  const slash = path.lastIndexOf('/', escape);
  return slash <= 0 ? '/' : path.slice(0, slash);
}

function targetSettings(sink: SinkConfig): TargetSettings {
  if (sink.type === 'directory') return { type: 'directory', root: rootOf(sink.path) };
  const { endpoint } = sink;
  return {
    type: 'hdfs',
    server: endpoint.kind === 'httpfs' ? 'httpfs' : 'namenode',
    urls: endpoint.kind === 'httpfs' ? [endpoint.url] : endpoint.urls,
    user: sink.user,
    root: rootOf(sink.path),
    hostMap: sink.hostMap,
    tls:
      sink.tls === undefined
        ? undefined
        : {
            ...tlsTexts(sink.tls),
            ...(sink.tls.passphrase === undefined ? {} : { passphrase: sink.tls.passphrase }),
          },
    limits: { answerMs: Math.max(sink.callTimeoutMs, 1) },
  };
}

/** PEM texts of the files that the configuration names. Throws `config-unreadable`. */
export function tlsTexts(tls: Pick<TlsConfig, 'caPath' | 'certPath' | 'keyPath'>): {
  ca?: string;
  cert?: string;
  key?: string;
} {
  return {
    ...(tls.caPath === undefined ? {} : { ca: pem(tls.caPath) }),
    ...(tls.certPath === undefined ? {} : { cert: pem(tls.certPath) }),
    ...(tls.keyPath === undefined ? {} : { key: pem(tls.keyPath) }),
  };
}

function pem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GatewayError({
      code: 'config-unreadable',
      operation: 'read a certificate file',
      place: path,
      message: 'the file cannot be read',
      retry: 'never',
      hint: 'check the path in the configuration, and that the engine’s user may read it',
      cause,
    });
  }
}

export function landingKeyMaker(name: string, sink: SinkConfig, nowMs: () => number): LandingKeyMaker {
  const settings: LandingKeySettings = {
    // Whoever of a group lands it: the backlog is the group's.
    sink: sink.group?.name ?? name,
    path: sink.path,
    filePrefix: sink.filePrefix,
    suffix: sink.fileSuffix,
    codec: sink.codec,
    serializer: sink.serializer,
    version: LANDING_VERSION,
    // A path with time escapes has a zone, or the configuration was refused; without escapes it is never asked.
    timeZone: sink.timeZone ?? 'UTC',
    rounding: sink.rounding,
    usesLocalTime: sink.usesLocalTime,
    onMissingTime: sink.onMissingTime,
  };
  return makeLandingKeyMaker(settings, { host: hostNames(), nowMs });
}

export function hostNames(): HostNames {
  const hostName = hostname();
  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;
  return { hostName, ipAddress: address ?? '127.0.0.1', canonicalHostName: hostName };
}
