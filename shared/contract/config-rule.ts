/** What the rules between the parts of a configuration are made of. */
import type { ConfigFinding } from './config-problem.ts';
import type { FileConfig } from './config-schema.ts';

export type Rule = (file: FileConfig) => readonly ConfigFinding[];
export type Path = readonly (string | number)[];
export type Sink = FileConfig['sinks'][string];
export type Source = FileConfig['sources'][string];
export type KafkaSource = Extract<Source, { readonly type: 'kafka' }>;

type Report = (path: Path, message: string, hint: string) => ConfigFinding;
const reportAs =
  (severity: ConfigFinding['severity'], at: ConfigFinding['at']): Report =>
  (path, message, hint) => ({ severity, path, at, message, hint });
export const error = reportAs('error', 'value');
export const errorAtKey = reportAs('error', 'key');
export const warning = reportAs('warning', 'value');
export const warningAtKey = reportAs('warning', 'key');
