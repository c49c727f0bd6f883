import type { AuditFinding } from '../../shared/contract/control.ts';
import { FINDINGS_MAX, TEXT_CHARS_MAX } from './audit-limits.ts';

export type FindingKind = AuditFinding['kind'];

/** What an audit found: the first `FINDINGS_MAX` with their words, the others as a count; and what it could not look at. */
export class FindingList {
  readonly findings: AuditFinding[] = [];
  readonly #notes: string[] = [];
  readonly #unknown = new Map<string, number>();
  #leftOut = 0;

  add(kind: FindingKind, place: string, what: string): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push({ kind, place: cut(place), what: cut(what) });
    else this.#leftOut++;
  }

  /** Something that is worth a line and is no fault. */
  note(text: string): void {
    this.#notes.push(cut(text));
  }

  /** Something that could not be looked at, and why: there is no verdict about it. */
  unknown(why: string): void {
    const key = cut(why);
    if (this.#unknown.has(key) || this.#unknown.size < FINDINGS_MAX) {
      this.#unknown.set(key, (this.#unknown.get(key) ?? 0) + 1);
    }
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  get verdict(): 'clean' | 'wrong' | 'unknown' {
    if (this.findings.length > 0) return 'wrong';
    return this.#unknown.size > 0 ? 'unknown' : 'clean';
  }

  /** Why there is no verdict about some things; undefined when everything was looked at. */
  get error(): string | undefined {
    if (this.#unknown.size === 0) return undefined;
    return [...this.#unknown]
      .map(([why, times]) => (times === 1 ? why : `${why} (${times} times)`))
      .join('; ');
  }
}

/** Texts of findings may hold file names and reasons of any length. */
export function cut(text: string): string {
  return text.length <= TEXT_CHARS_MAX * 2 ? text : `${text.slice(0, TEXT_CHARS_MAX * 2)}…`;
}
