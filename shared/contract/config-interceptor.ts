/** Interceptors as the file names them (Flume 1.11 user guide, "Flume Interceptors"; `flume-properties.md` §4). */
import type * as z from 'zod';
import { anyText, choice, flag, integer, text, texts, timeZone } from './config-fields.ts';
import {
  alias,
  defaulted,
  listSchema,
  optional,
  required,
  tableSchema,
  variantsSchema,
} from './config-table.ts';

export const MAX_INTERCEPTORS = 50;
/** A regular expression may have more groups; nobody needs more headers from one line. */
export const MAX_SERIALIZERS = 64;

const EXTRACTOR_CLASS = 'org.apache.flume.interceptor.regexextractorinterceptor';

/** The n-th serializer takes group n of the expression. */
const serializerKeys = {
  /** Flume wants `DEFAULT` in capitals or a class name; here any case, and a short name for each class. */
  type: defaulted(
    'type',
    choice(['default', 'passThrough', 'millis'], {
      [`${EXTRACTOR_CLASS}passthroughserializer`]: 'passThrough',
      [`${EXTRACTOR_CLASS}millisserializer`]: 'millis',
      passthrough: 'passThrough',
      pass_through: 'passThrough',
    }),
    'default',
  ),
  name: required('name', text),
  /** Joda-Time pattern of `millis`; matched in full. */
  pattern: optional('pattern', text),
  /** Zone of times whose pattern has none; default the gateway's. */
  timeZone: optional('timeZone', timeZone),
} as const;

const interceptorKeys = {
  timestamp: {
    headerName: defaulted('headerName', text, 'timestamp'),
    /** The name in Flume before 1.9. */
    header: alias('headerName', text),
    preserveExisting: defaulted('preserveExisting', flag, false),
  },
  host: {
    hostHeader: defaulted('hostHeader', text, 'host'),
    useIP: defaulted('useIp', flag, true),
    preserveExisting: defaulted('preserveExisting', flag, false),
  },
  static: {
    key: defaulted('key', text, 'key'),
    value: defaulted('value', anyText, 'value'),
    preserveExisting: defaulted('preserveExisting', flag, true),
  },
  regex_extractor: {
    regex: required('regex', text),
    serializers: required(
      'serializers',
      listSchema(tableSchema(serializerKeys, { what: 'a serializer' }), {
        what: 'serializers',
        maxItems: MAX_SERIALIZERS,
      }),
    ),
  },
  regex_filter: {
    regex: defaulted('regex', text, '.*'),
    excludeEvents: defaulted('excludeEvents', flag, false),
  },
  search_replace: {
    searchPattern: required('searchPattern', text),
    replaceString: defaulted('replaceString', anyText, ''),
    charset: defaulted(
      'charset',
      choice(['UTF-8', 'ISO-8859-1', 'US-ASCII'], { utf8: 'UTF-8', latin1: 'ISO-8859-1', ascii: 'US-ASCII' }),
      'UTF-8',
    ),
  },
  uuid: {
    headerName: defaulted('headerName', text, 'id'),
    prefix: defaulted('prefix', anyText, ''),
    preserveExisting: defaulted('preserveExisting', flag, true),
  },
  remove_header: {
    withName: optional('withName', text),
    /** Each item is to be split by `fromListSeparator`, a Java expression, so that Flume's one text and a YAML list both work. */
    fromList: optional('fromList', texts({ separator: /\u0000/ })),
    fromListSeparator: defaulted('fromListSeparator', anyText, '\\s*,\\s*'),
    matching: optional('matching', text),
  },
} as const;

/** Flume takes an alias in any case, or `X$Builder`; the keys here are lower case. */
const typeAliases = {
  'org.apache.flume.interceptor.timestampinterceptor$builder': 'timestamp',
  'org.apache.flume.interceptor.hostinterceptor$builder': 'host',
  'org.apache.flume.interceptor.staticinterceptor$builder': 'static',
  'org.apache.flume.interceptor.regexextractorinterceptor$builder': 'regex_extractor',
  'org.apache.flume.interceptor.regexfilteringinterceptor$builder': 'regex_filter',
  'org.apache.flume.interceptor.searchandreplaceinterceptor$builder': 'search_replace',
  'org.apache.flume.interceptor.removeheaderinterceptor$builder': 'remove_header',
  'org.apache.flume.sink.solr.morphline.uuidinterceptor$builder': 'uuid',
} as const;

export const interceptorSchema = variantsSchema(interceptorKeys, {
  what: 'an interceptor',
  aliases: typeAliases,
});
export const interceptorsSchema = listSchema(interceptorSchema, {
  what: 'interceptors',
  maxItems: MAX_INTERCEPTORS,
});

export type InterceptorConfig = z.output<typeof interceptorSchema>;
export type SerializerConfig = Extract<
  InterceptorConfig,
  { readonly type: 'regex_extractor' }
>['serializers'][number];

/** Used by the sources: events a pull, and so a transaction. */
export const batchSize = integer({ min: 1, max: 1_000_000 });
