/** Where a cursor stands in a YAML text that may be half written: told by the indentation of its lines, since a parser has nothing to say yet. */
export interface YamlPlace {
  /** Keys and list places around the line, from the root. */
  readonly parents: readonly (string | number)[];
  /** The key of the line, as far as it is written. */
  readonly key: string;
  /** What stands behind the colon before the cursor; undefined: the cursor is in the key. */
  readonly value: string | undefined;
  /** Keys that the same map has already, its values beside them. */
  readonly siblings: ReadonlyMap<string, string>;
}

interface Line {
  readonly indent: number;
  /** A dash begins an item; its key stands behind it. */
  readonly dash: number | undefined;
  readonly key: string;
  readonly value: string;
}

const LINE = /^( *)(- +)?(?:(["']?)([^\s"'#:][^"'#]*?)\3 *:(?: +(.*))?)?$/;

/** The place of an offset in block layout; undefined inside of comments and of flow maps. */
export function placeAt(text: string, offset: number): YamlPlace | undefined {
  const from = text.lastIndexOf('\n', offset - 1) + 1;
  const before = text.slice(from, offset);
  if (/(^|\s)#/.test(before)) return undefined;
  const match = /^( *)(- +)?(?:([^\s:{[][^\s:]*)?)(?:(:)( +.*)?)?$/.exec(before);
  if (match === null) return undefined;
  const [, blank = '', dash, key = '', colon, value] = match;
  if (colon !== undefined && value === undefined) return undefined;
  const indent = blank.length + (dash?.length ?? 0);
  const lines = text.split('\n');
  const at = text.slice(0, from).split('\n').length - 1;
  return {
    parents: parentsOf(lines, at, { indent, dash: dash === undefined ? undefined : blank.length }),
    key,
    value: colon === undefined ? undefined : (value ?? '').trimStart(),
    siblings: siblingsOf(lines, at, { indent, isItemStart: dash !== undefined }),
  };
}

/** The path of the key of a line, for telling the form where the cursor is. */
export function pathOfLine(text: string, lineNumber: number): readonly (string | number)[] {
  const lines = text.split('\n');
  const line = read(lines[lineNumber - 1] ?? '');
  if (line === undefined) return [];
  const parents = parentsOf(lines, lineNumber - 1, line);
  return line.key === '' ? parents : [...parents, line.key];
}

function parentsOf(
  lines: readonly string[],
  at: number,
  line: Pick<Line, 'indent' | 'dash'>,
): (string | number)[] {
  const path: (string | number)[] = [];
  let { indent, dash } = line;
  let item = 0;
  for (let place = at - 1; place >= 0 && (indent > 0 || dash !== undefined); place--) {
    const above = read(lines[place] ?? '');
    if (above === undefined) continue;
    if (dash !== undefined) {
      // Items of the same list before this one; then the key that holds the list, which may stand in the same column.
      if (above.dash === dash) item++;
      else if (above.indent <= dash && (above.dash ?? -1) < dash && above.key !== '') {
        path.unshift(above.key, item);
        ({ indent, dash } = above);
        item = 0;
      }
    } else if (above.dash !== undefined && above.indent === indent) {
      dash = above.dash;
    } else if (above.indent < indent && above.key !== '') {
      path.unshift(above.key);
      ({ indent, dash } = above);
    }
  }
  return path;
}

function siblingsOf(
  lines: readonly string[],
  at: number,
  { indent, isItemStart }: { readonly indent: number; readonly isItemStart: boolean },
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const look = (place: number): 'go on' | 'stop' => {
    const line = read(lines[place] ?? '');
    if (line === undefined) return 'go on';
    if (line.indent < indent || (place > at && line.dash !== undefined && line.indent === indent))
      return 'stop';
    if (line.indent === indent && line.key !== '') found.set(line.key, line.value);
    return line.indent === indent && line.dash !== undefined ? 'stop' : 'go on';
  };
  if (!isItemStart) for (let place = at - 1; place >= 0 && look(place) === 'go on'; place--);
  for (let place = at + 1; place < lines.length && look(place) === 'go on'; place++);
  return found;
}

/** Undefined: blank, a comment, or a line of something else. */
function read(text: string): Line | undefined {
  const match = LINE.exec(text.trimEnd());
  if (match === null || text.trim() === '' || text.trimStart().startsWith('#')) return undefined;
  const [, blank = '', dash, , key = '', value = ''] = match;
  return {
    indent: blank.length + (dash?.length ?? 0),
    dash: dash === undefined ? undefined : blank.length,
    key,
    value: value.replace(/\s+#.*$/, ''),
  };
}
