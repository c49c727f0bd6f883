/** Rules about where sinks land and how they name their files. */
import { groupPlaceOf } from './config-sink-group.ts';
import { endpointOf, splitAuthority } from './config-endpoint.ts';
import { error, errorAtKey } from './config-rule.ts';
import type { Rule, Sink } from './config-rule.ts';
import type { ConfigFinding } from './config-problem.ts';

function hdfsKey(sink: Sink, key: string): string {
  return sink.type === 'hdfs' ? `hdfs.${key}` : key;
}

const pathsArePlain: Rule = (file) =>
  Object.entries(file.sinks).flatMap(([name, sink]) => {
    const key = ['sinks', name, hdfsKey(sink, 'path')];
    const { path, authority } =
      sink.type === 'hdfs' ? splitAuthority(sink.path) : { path: sink.path, authority: undefined };
    if (/^file:/i.test(sink.path))
      return [error(key, 'a local path in an HDFS sink', 'Use "type: directory" and "path:".')];
    const isAbsolute = path.startsWith('/') || (sink.type === 'directory' && /^[A-Za-z]:[\\/]/.test(path));
    if (!isAbsolute) return [error(key, 'the path is not absolute', 'Begin it with /.')];
    if (/(^|[\\/])\.\.?([\\/]|$)/.test(path))
      return [error(key, 'the path has a part . or ..', 'Write it out.')];
    if (sink.type !== 'hdfs') return [];
    if (sink.namenodes !== undefined && sink.httpfs !== undefined) {
      return [
        errorAtKey(
          ['sinks', name, 'hdfs.httpfs'],
          'both "hdfs.namenodes" and "hdfs.httpfs"',
          'Keep one: NameNodes directly, or the HttpFS gateway.',
        ),
      ];
    }
    if (endpointOf({ ...sink, authority }) === undefined) {
      return [
        errorAtKey(
          ['sinks', name],
          'an HDFS sink needs "hdfs.namenodes" or "hdfs.httpfs"',
          'For example  hdfs.namenodes: [http://nn1:9870].',
        ),
      ];
    }
    return [];
  });

/** Letters of Flume's escapes that depend on the zone: all but %t (milliseconds) and %s (seconds). */
const ZONED_ESCAPE = /%[YymnbBdejaAHkIlMSpDcz]/;
const KNOWN_ESCAPE = /%(?:\{[\w.-]+\}|\[(?:localhost|ip|fqdn)\]|[tsYymnbBdejaAHkIlMSpDcz%])/gi;

const escapesAreClear: Rule = (file) =>
  Object.entries(file.sinks).flatMap(([name, sink]) =>
    (['path', 'filePrefix'] as const).flatMap((key) => {
      const value = sink[key];
      const path = ['sinks', name, hdfsKey(sink, key)];
      const withoutKnown = value.replace(KNOWN_ESCAPE, (found) =>
        found.length === 2 && !ESCAPE_LETTERS.includes(found[1] ?? '') ? found : '',
      );
      if (withoutKnown.includes('%')) {
        return [
          error(
            path,
            `"${hdfsKey(sink, key)}" has an escape that Flume does not know`,
            'Known: %{header}, %[localhost], %[IP], %[FQDN], %% and % with one of tsYymnbBdejaAHkIlMSpDcz.',
          ),
        ];
      }
      const zone = sink.timeZone ?? file.gateway.timeZone;
      if (zone === undefined && ZONED_ESCAPE.test(value.replaceAll('%%', ''))) {
        return [
          error(
            path,
            `"${hdfsKey(sink, key)}" has time escapes, but no time zone is set`,
            'Set "timeZone:" under "gateway:", for example Asia/Shanghai or UTC.',
          ),
        ];
      }
      return [];
    }),
  );
const ESCAPE_LETTERS = 'tsYymnbBdejaAHkIlMSpDcz%';

const CODEC_EXTENSIONS = { none: '', gzip: '.gz', zstd: '.zst' } as const;

const namesTellTheCodec: Rule = (file) =>
  Object.entries(file.sinks).flatMap(([name, sink]) => {
    const extension = CODEC_EXTENSIONS[sink.codec];
    const findings: ConfigFinding[] = [];
    if (extension !== '' && sink.fileSuffix !== '' && !sink.fileSuffix.endsWith(extension)) {
      const path = ['sinks', name, hdfsKey(sink, 'fileSuffix')];
      findings.push(
        error(
          path,
          `the suffix hides "${extension}": Hadoop would not unpack the files`,
          `Write '${sink.fileSuffix}${extension}', or remove the suffix.`,
        ),
      );
    }
    const type = ['sinks', name, hdfsKey(sink, 'fileType')];
    if (sink.fileType === 'DataStream' && extension !== '')
      findings.push(error(type, 'DataStream with a codec', 'Use CompressedStream, or remove codeC.'));
    if (sink.fileType === 'CompressedStream' && extension === '')
      findings.push(error(type, 'CompressedStream without a codec', 'Add codeC: gzip or zstd.'));
    if (sink.isRounded && sink.roundUnit === 'hour' && sink.roundValue > 24) {
      findings.push(
        error(
          ['sinks', name, hdfsKey(sink, 'roundValue')],
          'more than 24 hours to round to',
          'From 1 to 24.',
        ),
      );
    }
    if (
      sink.rollSizeBytes === 0 &&
      sink.rollIntervalMs === 0 &&
      sink.rollCount === 0 &&
      sink.idleTimeoutMs === 0
    ) {
      findings.push(
        errorAtKey(
          ['sinks', name],
          'nothing ever rolls the files: size, interval, count and idle time are all 0',
          'Set at least one of them.',
        ),
      );
    }
    return findings;
  });

/** Time escapes in the order of their fineness; each level needs all that stand before it. */
const LEVELS: readonly RegExp[] = [
  /%[YyDctsz]/,
  /%[mnbBjDcts]/,
  /%[dejDcts]/,
  /%[HkIlcts]/,
  /%[Mcts]/,
  /%[Scts]/,
];
const FINE: readonly RegExp[] = [/%[Yy]/, /%[mnbB]/, /%[dejaA]/, /%[HkIlp]/, /%M/, /%S/];

/** A directory that comes back each day, or each year, is never complete. */
const directoriesEnd: Rule = (file) =>
  Object.entries(file.sinks).flatMap(([name, sink]) => {
    if (sink.completeness === undefined) return [];
    if (groupPlaceOf(name, file.sinkGroups) !== undefined)
      return [
        errorAtKey(
          ['sinks', name, 'completeness'],
          'the sink is one of a group, whose files land in one target or the other: no directory is complete by itself',
          'Remove "completeness", or take the sink out of the group.',
        ),
      ];
    const channelType: string | undefined = file.channels[sink.channel]?.type;
    if (channelType !== undefined && channelType !== 'file')
      return [
        errorAtKey(
          ['sinks', name, 'completeness'],
          'directories are marked only where the channel is a file channel: claims have no directory',
          'Use "type: file" for its channel, or remove "completeness".',
        ),
      ];
    const path = sink.path.replaceAll('%%', '');
    const key = ['sinks', name, 'completeness'];
    const finest = FINE.findLastIndex((level) => level.test(path));
    const hasTime = finest >= 0 || /%[Dcts]/.test(path);
    if (!hasTime)
      return [
        errorAtKey(
          key,
          'the path has no time, so its directory is never complete',
          'Put the time into the path, for example %Y-%m-%d/%H, or remove "completeness".',
        ),
      ];
    const missing = LEVELS.slice(0, finest + 1).some((level) => !level.test(path));
    const isHalf = /%[Il]/.test(path) && !/%p/.test(path);
    if (missing || isHalf)
      return [
        errorAtKey(
          key,
          'the path names a time without its year, month or day: the same directory comes again, and is never complete',
          'Put the whole date into the path, for example %Y-%m-%d/%H.',
        ),
      ];
    const timesOf = (text: string) => text.replaceAll('%%', '').match(/%[A-Za-z]/g) ?? [];
    const own = new Set(timesOf(sink.path));
    if (timesOf(sink.filePrefix).some((escape) => !own.has(escape)))
      return [
        errorAtKey(
          key,
          'the file prefix has time escapes that the path has not',
          'With "completeness" use only those of the path in the prefix.',
        ),
      ];
    return [];
  });

export const sinkRules: readonly Rule[] = [pathsArePlain, escapesAreClear, namesTellTheCodec, directoriesEnd];
