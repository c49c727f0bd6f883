import type { AuditFinding } from '../../shared/contract/control-audit.ts';
import { FINDINGS_MAX, NOTES_MAX, REASONS_NAMED_MAX, TEXT_CHARS_MAX } from './audit-limits.ts';

export type FindingKind = AuditFinding['kind'];

/** What an audit found: the first `FINDINGS_MAX` with their words, the others as a count; and what it could not look at. */
export class FindingList {
  readonly findings: AuditFinding[] = [];
  readonly #notes: string[] = [];
  readonly #unknown = new Map<string, number>();
  #leftOut = 0;
  #reasonsLeftOut = 0;
  #notesLeftOut = 0;

  add(kind: FindingKind, place: string, what: string): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push({ kind, place: cut(place), what: cut(what) });
    else this.#leftOut++;
  }

  /** Takes over what another list gathered. */
  absorb(other: FindingList): void {
    for (const { kind, place, what } of other.findings) this.add(kind, place, what);
    this.#leftOut += other.leftOut;
  }

  /** Something that is worth a line and is no fault. */
  note(text: string): void {
    if (this.#notes.length < NOTES_MAX) this.#notes.push(cut(text));
    else this.#notesLeftOut++;
  }

  /** Something that could not be looked at, and why: there is no verdict about it. */
  unknown(why: string): void {
    const key = cut(why);
    if (this.#unknown.has(key) || this.#unknown.size < FINDINGS_MAX)
      this.#unknown.set(key, (this.#unknown.get(key) ?? 0) + 1);
    else this.#reasonsLeftOut++;
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  get notes(): readonly string[] {
    return this.#notesLeftOut === 0 ? this.#notes : [...this.#notes, `and ${this.#notesLeftOut} more notes`];
  }

  get verdict(): 'clean' | 'wrong' | 'unknown' {
    if (this.findings.length > 0) return 'wrong';
    return this.#unknown.size > 0 ? 'unknown' : 'clean';
  }

  /** Why there is no verdict about some things; undefined when everything was looked at. */
  get error(): string | undefined {
    if (this.#unknown.size === 0) return undefined;
    const reasons = [...this.#unknown].map(([why, times]) => (times === 1 ? why : `${why} (${times} times)`));
    const left = reasons.length - REASONS_NAMED_MAX + this.#reasonsLeftOut;
    const rest = left > 0 ? [`and ${left} more reasons`] : [];
    return [...reasons.slice(0, REASONS_NAMED_MAX), ...rest].join('; ');
  }
}

/** Texts of findings may hold file names and reasons of any length. */
export function cut(text: string): string {
  return text.length <= TEXT_CHARS_MAX * 2 ? text : `${text.slice(0, TEXT_CHARS_MAX * 2)}…`;
}
