/** Turns a Java pattern into the source of a JavaScript expression in `v` mode, from left to right. */
import type { GatewayError } from '../errors.ts';
import { escapedCodePoint, predefinedClass, rangeOf, readClass } from './java-regex-class.ts';
import { propertyClass } from './java-regex-property.ts';
import { PatternReader } from './java-regex-reader.ts';

/** A translated part, and what is known of it. */
interface Part {
  readonly source: string;
  /** May match the empty text. */
  readonly isNullable: boolean;
  /** Java numbers of the groups inside. */
  readonly inside: readonly number[];
  /** Those of them that are always set when the part has matched. */
  readonly definite: readonly number[];
}

interface Flags {
  ignoresCase: boolean;
  dotMatchesAll: boolean;
  isMultiline: boolean;
  hasUnixLines: boolean;
}

/** Groups within groups; deeper nesting is no person's work and would only test the stack. */
const MAX_DEPTH = 100;
const MAX_REPEATS = 1_000;

const LINE_END = '\\n\\r\\x85\\u2028\\u2029';

const plain = (source: string, isNullable = false): Part => ({
  source,
  isNullable,
  inside: [],
  definite: [],
});

export class RegexTranslator {
  /** Java's number → JavaScript's. */
  readonly groups: number[] = [0];
  readonly names = new Map<string, number>();
  readonly #reader: PatternReader;
  readonly #highestGroupRead: number;
  #flags: Flags = { ignoresCase: false, dotMatchesAll: false, isMultiline: false, hasUnixLines: false };
  #ownGroups = 0;
  #depth = 0;
  /** Groups that are certainly set at the place being read. */
  #set: readonly number[] = [];
  /** Inside of a look-behind JavaScript matches from right to left; inside of a negative look-around groups are not kept. */
  #isInLookbehind = false;
  #isInNegative = false;

  constructor(pattern: string, highestGroupRead: number) {
    this.#reader = new PatternReader(pattern);
    this.#highestGroupRead = highestGroupRead;
  }

  translate(): string {
    const part = this.#alternatives();
    if (this.#reader.peek() !== undefined) throw this.error('there is a ) without its (');
    return part.source;
  }

  error(reason: string, at?: number): GatewayError {
    return this.#reader.error(reason, at);
  }

  #alternatives(): Part {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.error('it is nested too deeply');
    const setBefore = this.#set;
    const parts: Part[] = [];
    do {
      this.#set = setBefore;
      parts.push(this.#sequence());
    } while (this.#reader.takes('|'));
    this.#set = setBefore;
    this.#depth -= 1;
    const [first, ...others] = parts;
    if (first === undefined || others.length === 0) return first ?? plain('', true);
    return {
      source: parts.map(({ source }) => source).join('|'),
      isNullable: parts.some(({ isNullable }) => isNullable),
      inside: parts.flatMap(({ inside }) => inside),
      definite: first.definite.filter((group) => others.every(({ definite }) => definite.includes(group))),
    };
  }

  #sequence(): Part {
    let source = '';
    let isNullable = true;
    const inside: number[] = [];
    const definite: number[] = [];
    while (this.#reader.peek() !== undefined && !this.#reader.sees('|') && !this.#reader.sees(')')) {
      const part = this.#repeated();
      source += part.source;
      isNullable &&= part.isNullable;
      inside.push(...part.inside);
      definite.push(...part.definite);
      this.#set = [...this.#set, ...part.definite];
    }
    return { source, isNullable, inside, definite };
  }

  /** An atom and its quantifier. */
  #repeated(): Part {
    const start = this.#reader.at;
    const groupBefore = this.#ownGroups;
    const setBefore = this.#set;
    const mark = this.groups.length;
    const atom = this.#atom();
    const quantifier = this.#quantifier();
    if (quantifier === undefined) return atom;
    const { min, max, suffix, isPossessive } = quantifier;
    this.#set = setBefore;
    if (max > 1) this.#checkRepeatedGroups(atom, start);
    const repeated: Part = {
      source: `${isSingle(atom.source) ? atom.source : `(?:${atom.source})`}${suffix}`,
      isNullable: atom.isNullable || min === 0,
      inside: atom.inside,
      definite: min === 0 ? [] : atom.definite,
    };
    return isPossessive ? this.#atomic(repeated, { groupBefore, mark, start }) : repeated;
  }

  /** JavaScript forgets the groups of the iteration before, and never keeps an empty iteration; Java does both. */
  #checkRepeatedGroups(atom: Part, start: number): void {
    const isRead = atom.inside.some((group) => group <= this.#highestGroupRead);
    if (!isRead) return;
    if (atom.isNullable)
      throw this.error('a group is read that stands in a repeated part which may be empty', start);
    const isAlwaysSet = atom.inside.every((group) => atom.definite.includes(group));
    if (!isAlwaysSet) throw this.error('a group is read that not every repetition of its part sets', start);
  }

  #quantifier(): { min: number; max: number; suffix: string; isPossessive: boolean } | undefined {
    const reader = this.#reader;
    let range: { min: number; max: number; text: string } | undefined;
    if (reader.takes('*')) range = { min: 0, max: Infinity, text: '*' };
    else if (reader.takes('+')) range = { min: 1, max: Infinity, text: '+' };
    else if (reader.takes('?')) range = { min: 0, max: 1, text: '?' };
    else if (reader.takes('{')) range = this.#braces();
    if (range === undefined) return undefined;
    const isPossessive = reader.takes('+');
    const isLazy = !isPossessive && reader.takes('?');
    return { ...range, suffix: isLazy ? `${range.text}?` : range.text, isPossessive };
  }

  #braces(): { min: number; max: number; text: string } {
    const reader = this.#reader;
    const at = reader.at - 1;
    const least = reader.takeRun(/^\d$/, 5);
    if (least === '') throw this.error('{ begins no repetition; write \\{ for a brace', at);
    const hasMost = reader.takes(',');
    const most = hasMost ? reader.takeRun(/^\d$/, 5) : least;
    if (!reader.takes('}')) throw this.error('the repetition is not closed', at);
    const min = Number(least);
    const max = most === '' ? Infinity : Number(most);
    if (max < min) throw this.error('the repetition has its numbers the wrong way round', at);
    if (min > MAX_REPEATS || (max !== Infinity && max > MAX_REPEATS))
      throw this.error(`more than ${MAX_REPEATS} repetitions`, at);
    return { min, max, text: hasMost ? `{${min},${most}}` : `{${min}}` };
  }

  /** `(?>X)` is `(?=(X))\n`: a look-ahead is never entered again. Its group comes before those inside, which move up by one. */
  #atomic(
    part: Part,
    { groupBefore, mark, start }: { groupBefore: number; mark: number; start: number },
  ): Part {
    if (this.#isInLookbehind)
      throw this.error('atomic and possessive parts cannot stand in a look-behind', start);
    if (/\\\d/.test(part.source))
      throw this.error('atomic and possessive parts cannot hold references or each other', start);
    for (let group = mark; group < this.groups.length; group += 1)
      this.groups[group] = (this.groups[group] ?? 0) + 1;
    this.#ownGroups += 1;
    return { ...part, source: `(?:(?=(${part.source}))\\${groupBefore + 1})` };
  }

  #atom(): Part {
    const reader = this.#reader;
    const { text, at, isQuoted } = reader.take();
    if (isQuoted) return this.#literal(text.codePointAt(0) ?? 0);
    switch (text) {
      case '(':
        return this.#group(at);
      case '[':
        return plain(readClass(reader, this.#flags.ignoresCase));
      case '\\':
        return this.#escape(at);
      case '.':
        return plain(this.#dot());
      case '^':
        return plain(this.#caret(), true);
      case '$':
        return plain(this.#flags.isMultiline ? this.#multilineDollar() : this.#finalDollar(), true);
      case '*':
      case '+':
      case '?':
        throw this.error(`there is nothing that ${text} could repeat`, at);
      case '{':
        throw this.error('{ begins no repetition; write \\{ for a brace', at);
      default:
        return this.#literal(text.codePointAt(0) ?? 0);
    }
  }

  #literal(codePoint: number): Part {
    const range = rangeOf(codePoint, codePoint, this.#flags.ignoresCase);
    const isLetter = this.#flags.ignoresCase && /^[A-Za-z]$/.test(String.fromCodePoint(codePoint));
    return plain(isLetter ? `[${range}]` : range);
  }

  #dot(): string {
    if (this.#flags.dotMatchesAll) return '[^]';
    return this.#flags.hasUnixLines ? '[^\\n]' : `[^${LINE_END}]`;
  }

  #caret(): string {
    if (!this.#flags.isMultiline) return '^';
    // Java's ^ never matches at the very end, not even of an empty text.
    return this.#flags.hasUnixLines
      ? '(?:(?<=^|\\n)(?!$))'
      : '(?:(?<=^|[\\n\\x85\\u2028\\u2029]|\\r(?!\\n))(?!$))';
  }

  #multilineDollar(): string {
    return this.#flags.hasUnixLines ? '(?=\\n|$)' : '(?=(?<!\\r)\\n|[\\r\\x85\\u2028\\u2029]|$)';
  }

  /** At the end, or before the line terminator that ends the text. */
  #finalDollar(): string {
    return this.#flags.hasUnixLines ? '(?=\\n?$)' : '(?=(?:\\r\\n|(?<!\\r)\\n|[\\r\\x85\\u2028\\u2029])?$)';
  }

  #escape(at: number): Part {
    const reader = this.#reader;
    const letter = reader.takeRaw().text;
    const known = predefinedClass(letter);
    if (known !== undefined) return plain(known);
    switch (letter) {
      case 'A':
        return plain('^', true);
      case 'z':
        return plain('$', true);
      case 'Z':
        return plain(this.#finalDollar(), true);
      case 'b':
      case 'B':
        if (reader.peekRaw() === '{') throw this.error(`\\${letter}{…} is not supported`, at);
        return plain(`\\${letter}`, true);
      case 'R':
        return plain('(?:\\r\\n|[\\n\\x0B\\f\\r\\x85\\u2028\\u2029])');
      case 'p':
      case 'P':
        return plain(propertyClass(reader, { letter, at, ignoresCase: this.#flags.ignoresCase }));
      case 'k':
        return this.#namedReference(at);
      default:
    }
    if (/^[1-9]$/.test(letter)) return this.#numberedReference(letter, at);
    const codePoint = escapedCodePoint(reader, letter, at);
    if (codePoint === undefined) throw this.error(`\\${letter} is not supported`, at);
    return this.#literal(codePoint);
  }

  #namedReference(at: number): Part {
    const reader = this.#reader;
    const name = reader.takes('<') ? reader.takeRun(/^[A-Za-z0-9]$/, 60) : '';
    const group = this.names.get(name);
    if (!reader.takes('>') || group === undefined)
      throw this.error('\\k names no group that stands before it', at);
    return this.#reference(group, at);
  }

  /** More digits belong to the number as long as there are so many groups, as in Java. */
  #numberedReference(first: string, at: number): Part {
    let group = Number(first);
    for (;;) {
      const next = this.#reader.peekRaw();
      if (next === undefined || !/^\d$/.test(next) || group * 10 + Number(next) >= this.groups.length) break;
      group = group * 10 + Number(next);
      this.#reader.takeRaw();
    }
    return this.#reference(group, at);
  }

  /** A reference to a group that is not set fails in Java and matches in JavaScript, so the group must be set for certain. */
  #reference(group: number, at: number): Part {
    if (!this.#set.includes(group))
      throw this.error(`group ${group} is not certainly set where it is referred to`, at);
    if (this.#flags.ignoresCase) throw this.error('a reference while case is ignored is not supported', at);
    if (this.#isInLookbehind) throw this.error('a reference in a look-behind is not supported', at);
    return plain(`(?:\\${this.groups[group] ?? 0})`, true);
  }

  #group(at: number): Part {
    const reader = this.#reader;
    const outer = { ...this.#flags };
    const outerSkips = reader.skipsBlanks;
    let part: Part;
    if (!reader.takes('?')) part = this.#capture(undefined, at);
    else if (reader.takes(':')) part = this.#wrapped('(?:', this.#alternatives());
    else if (reader.takes('>')) part = this.#atomicGroup(at);
    else if (reader.takes('=')) part = this.#look('(?=');
    else if (reader.takes('!')) part = this.#look('(?!');
    else if (reader.takes('<=')) part = this.#look('(?<=');
    else if (reader.takes('<!')) part = this.#look('(?<!');
    else if (reader.takes('<')) part = this.#namedCapture(at);
    else {
      const isOpen = this.#readFlags(at);
      // Flags alone, as in (?i), hold to the end of the group around them.
      if (!isOpen) return plain('', true);
      part = this.#wrapped('(?:', this.#alternatives());
    }
    this.#flags = outer;
    reader.skipsBlanks = outerSkips;
    if (!reader.takes(')')) throw this.error('the group is never closed', at);
    return part;
  }

  #wrapped(open: string, inner: Part): Part {
    return { ...inner, source: `${open}${inner.source})` };
  }

  #capture(name: string | undefined, at: number): Part {
    this.#ownGroups += 1;
    const group = this.groups.length;
    this.groups.push(this.#ownGroups);
    if (name !== undefined) this.names.set(name, group);
    const isRead = group <= this.#highestGroupRead;
    if (isRead && this.#isInLookbehind) throw this.error('a group is read that stands in a look-behind', at);
    if (isRead && this.#isInNegative)
      throw this.error('a group is read that stands in a negative look-around', at);
    const inner = this.#alternatives();
    const definite = this.#isInNegative ? [] : [group, ...inner.definite];
    return {
      source: `(${inner.source})`,
      isNullable: inner.isNullable,
      inside: [group, ...inner.inside],
      definite,
    };
  }

  #namedCapture(at: number): Part {
    const name = this.#reader.takeRun(/^[A-Za-z0-9]$/, 60);
    if (!/^[A-Za-z]/.test(name) || !this.#reader.takes('>'))
      throw this.error('the name of the group is none', at);
    if (this.names.has(name)) throw this.error(`two groups have the name ${name}`, at);
    return this.#capture(name, at);
  }

  #atomicGroup(at: number): Part {
    const groupBefore = this.#ownGroups;
    const mark = this.groups.length;
    return this.#atomic(this.#alternatives(), { groupBefore, mark, start: at });
  }

  #look(open: string): Part {
    const [wasBehind, wasNegative] = [this.#isInLookbehind, this.#isInNegative];
    const isNegative = open.endsWith('!');
    this.#isInLookbehind ||= open.startsWith('(?<');
    this.#isInNegative ||= isNegative;
    const inner = this.#alternatives();
    this.#isInLookbehind = wasBehind;
    this.#isInNegative = wasNegative;
    // Wrapped, for JavaScript lets nothing repeat a bare look-around.
    const definite = isNegative ? [] : inner.definite;
    return { source: `(?:${open}${inner.source}))`, isNullable: true, inside: inner.inside, definite };
  }

  /** Reads `i-s` and the `)` or `:` after it; true when a group follows. */
  #readFlags(at: number): boolean {
    const reader = this.#reader;
    let isOn = true;
    for (;;) {
      if (reader.takes(':')) return true;
      if (reader.takes(')')) return false;
      const { text } = reader.take();
      if (text === '-' && isOn) isOn = false;
      else if (text === 'i') this.#flags.ignoresCase = isOn;
      else if (text === 's') this.#flags.dotMatchesAll = isOn;
      else if (text === 'm') this.#flags.isMultiline = isOn;
      else if (text === 'd') this.#flags.hasUnixLines = isOn;
      else if (text === 'x') reader.skipsBlanks = isOn;
      else throw this.error(`the flag or group (?${text} is not supported`, at);
    }
  }
}

/** What a quantifier may follow without being wrapped. */
function isSingle(source: string): boolean {
  return /^(?:[A-Za-z0-9]|\\u\{[0-9a-f]+\})$/.test(source);
}
