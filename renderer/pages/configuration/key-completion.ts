/** What may be written at the cursor: keys of the tables with their defaults, words of a choice, names of channels. */
import { COMPONENT_NAME } from '../../../shared/contract/config-table.ts';
import type { YamlCompletion, YamlOption } from '../../widgets/yaml-option.ts';
import { keysAt, valueFactAt, type KeyFact, type ValueAt, type ValueFact } from './config-keys.ts';
import { placeAt, type YamlPlace } from './yaml-place.ts';

export interface CompletionWords {
  readonly describe: (key: string) => string;
  readonly required: string;
  readonly defaultIs: (value: string) => string;
}

export function completionAt(
  text: string,
  offset: number,
  words: CompletionWords,
): YamlCompletion | undefined {
  const place = placeAt(text, offset);
  if (place === undefined) return undefined;
  const typeAt: ValueAt = (path) => typeNear(text, place, path);
  if (place.value !== undefined) {
    const options = valueOptions(text, place, typeAt);
    return options.length === 0 ? undefined : { from: offset - place.value.length, options };
  }
  const facts = keysAt(place.parents, typeAt);
  const hasTypes = valueFactAt(place.parents, typeAt)?.kind === 'variants';
  const type: YamlOption[] = hasTypes
    ? [{ label: 'type', insert: 'type: ', info: words.describe('type') }]
    : [];
  const options = [...type, ...facts.map((fact) => keyOption(fact, words))].filter(
    ({ label }) => !place.siblings.has(label),
  );
  return options.length === 0 ? undefined : { from: offset - place.key.length, options };
}

function keyOption({ key, isRequired, fallback, value }: KeyFact, words: CompletionWords): YamlOption {
  const shown =
    typeof fallback === 'string' || typeof fallback === 'number' || typeof fallback === 'boolean'
      ? String(fallback)
      : '';
  const isNested = value.kind === 'table' || value.kind === 'list' || value.kind === 'components';
  return {
    label: key.replace(/\*$/, ''),
    insert: key.endsWith('*') ? key.slice(0, -1) : isNested ? `${key}:` : `${key}: `,
    detail: isRequired ? words.required : shown === '' ? '' : words.defaultIs(shown),
    info: words.describe(key),
  };
}

function valueOptions(text: string, place: YamlPlace, typeAt: ValueAt): readonly YamlOption[] {
  if (place.key === 'type') {
    const fact = valueFactAt(place.parents, typeAt);
    if (fact?.kind === 'variants') return fact.types.map(wordOption);
  }
  if (place.key === 'channel' || place.key === 'channels') return channelNames(text).map(wordOption);
  const fact = valueFactAt([...place.parents, place.key], typeAt);
  return fact === undefined ? [] : wordsOf(fact).map(wordOption);
}

function wordsOf(fact: ValueFact): readonly string[] {
  if (fact.kind !== 'plain') return [];
  if (fact.of.kind === 'flag') return ['true', 'false'];
  return fact.of.kind === 'choice' ? fact.of.words : [];
}

function wordOption(label: string): YamlOption {
  return { label, insert: label };
}

/** The type of a component around the cursor: among the siblings, or by a line further up. */
function typeNear(text: string, place: YamlPlace, path: readonly (string | number)[]): unknown {
  if (path.length === place.parents.length + 1) return place.siblings.get('type') ?? undefined;
  const owner = path.slice(0, -1);
  const last = owner.at(-1);
  if (typeof last !== 'string') return undefined;
  const header = new RegExp(`^( *)${escaped(last)} *:`, 'm').exec(text);
  if (header === null) return undefined;
  const below = text.slice(header.index + header[0].length);
  return (
    new RegExp(`^ {${(header[1]?.length ?? 0) + 1},}type *: *([\\w-]+)`, 'm').exec(below)?.[1] ??
    /^ *\{ *type *: *([\w-]+)/.exec(below)?.[1]
  );
}

/** Components of the section `channels`, by their lines. */
export function channelNames(text: string): readonly string[] {
  const section = /^channels *:.*\n((?: .*\n?|\s*\n|#.*\n)*)/m.exec(`${text}\n`)?.[1] ?? '';
  const names = [...section.matchAll(/^( +)([\w-]+) *:/gm)];
  const indent = names[0]?.[1]?.length;
  return names
    .filter(([, blank]) => blank?.length === indent)
    .flatMap(([, , name = '']) => (COMPONENT_NAME.test(name) ? [name] : []));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
