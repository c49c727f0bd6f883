/**
 * Reads Prometheus' text format 0.0.4 strictly, as its documentation has it: HELP and TYPE before the samples of a name, names and
 * labels of the allowed letters, escapes in label values, no series twice. Throws with the line that is wrong.
 */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const METRIC = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)( -?\d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/y;

export function parsePrometheus(text: string): {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
} {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type !== null) {
      if (types.has(type[1] ?? '')) throw new Error(`typed twice: ${line}`);
      types.set(type[1] ?? '', type[2] ?? '');
      continue;
    }
    if (line.startsWith('#')) throw new Error(`neither HELP nor TYPE: ${line}`);
    const sample = sampleOf(line);
    const base = sample.name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(sample.name) && !types.has(base)) throw new Error(`a sample before its type: ${line}`);
    const series = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(series)) throw new Error(`a series twice: ${line}`);
    seen.add(series);
    samples.push(sample);
  }
  return { types, samples };
}

function sampleOf(line: string): Sample {
  const [, name, , labelText = '', valueText = ''] = METRIC.exec(line) ?? [];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  const value = valueText === '+Inf' ? Infinity : valueText === '-Inf' ? -Infinity : Number(valueText);
  if (Number.isNaN(value) && !/^NaN$/i.test(valueText)) throw new Error(`no number: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labelText.length) {
    const label = LABEL.exec(labelText);
    if (label === null) throw new Error(`wrong labels: ${line}`);
    labels[label[1] ?? ''] = (label[2] ?? '').replace(/\\(.)/g, (_, letter: string) =>
      letter === 'n' ? '\n' : letter,
    );
  }
  return { name, labels, value };
}
