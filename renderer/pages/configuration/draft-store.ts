/**
 * The text that is being edited, beside the file that it came from. It outlives the page: who goes to look at the backlog finds the edit
 * again, and so does who loads the console again in the same tab, unless the edit holds a secret, which is kept nowhere.
 */
import { useSyncExternalStore } from 'react';
import { SECRET_KEPT } from '../../../shared/contract/control-config.ts';
import { mergeLines } from './three-way-merge.ts';

/** The file as the engine told it. */
export interface FileText {
  readonly text: string;
  /** Of the file's bytes: what an apply is based on. */
  readonly sha256: string;
  readonly isRunning: boolean;
}

export interface Draft {
  readonly base: FileText;
  readonly text: string;
  /** The file became this while it was being edited here. */
  readonly theirs: FileText | undefined;
  /** Counts what did not come from the keyboard. */
  readonly revision: number;
}

const KEPT_AS = 'headgate.configuration-draft';
const SECRET_LINE =
  /(?:pass(?:word|wd|phrase)?|secret|token|credential|private|jaas)[\w.-]{0,64}["']?\s{0,64}[:=]([^\n]*)/gi;
const SECRET_LOOK = /[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}:[^\s/@]{1,400}@|PRIVATE KEY/i;

const watchers = new Set<() => void>();
let draft: Draft | undefined = kept();

export function currentDraft(): Draft | undefined {
  return draft;
}

export function useDraft(): Draft | undefined {
  return useSyncExternalStore(watch, currentDraft);
}

export function isDirty({ text, base }: Draft): boolean {
  return text !== base.text;
}

/** The file as it is now: taken where nothing was edited, and otherwise remembered as the other side of a conflict. */
export function noticeFile(answer: FileText): void {
  const file = { ...answer, text: answer.text.replaceAll('\r\n', '\n') };
  if (draft === undefined || (!isDirty(draft) && draft.base.sha256 !== file.sha256)) return startWith(file);
  if (draft.base.sha256 === file.sha256)
    change({ base: { ...draft.base, isRunning: file.isRunning }, theirs: undefined });
  else if (draft.text === file.text) startWith(file);
  else if (draft.theirs?.sha256 !== file.sha256 || draft.theirs.isRunning !== file.isRunning)
    change({ theirs: file });
}

export function editText(text: string): void {
  if (draft !== undefined && text !== draft.text) change({ text });
}

/** Sets the text from elsewhere than the editor. */
export function replaceText(text: string): void {
  if (draft !== undefined && text !== draft.text) change({ text, revision: draft.revision + 1 });
}

export function startWith(file: FileText): void {
  const text = file.text.replaceAll('\r\n', '\n');
  set({ base: { ...file, text }, text, theirs: undefined, revision: (draft?.revision ?? 0) + 1 });
}

/** What both changed in the same place; ours stands in the text. */
export interface MergeOutcome {
  readonly overlaps: number;
}

/** Goes on with the edit over what the file is now: both changes, and where they touch the same lines, ours. */
export function continueOnTheirs(): MergeOutcome {
  if (draft?.theirs === undefined) return { overlaps: 0 };
  const { base, theirs, text, revision } = draft;
  const merged = mergeLines(base.text, theirs.text, text);
  set({ base: theirs, text: merged.text, theirs: undefined, revision: revision + 1 });
  return { overlaps: merged.overlaps };
}

/** True when the text holds a secret that is no mark and no reference: then it is not to be written anywhere. */
export function holdsSecret(text: string): boolean {
  if (SECRET_LOOK.test(text)) return true;
  return [...text.matchAll(SECRET_LINE)].some(([, value = '']) => {
    const plain = value.replace(/^\s*["']?|["']?[\s,}\]]*(?:#.*)?$/g, '');
    return plain !== SECRET_KEPT && !/^\$\{(?:env|file):[^{}\s]+$/.test(plain.replace(/\}?["']?$/, ''));
  });
}

function change(part: Partial<Draft>): void {
  if (draft !== undefined) set({ ...draft, ...part });
}

function set(next: Draft): void {
  draft = next;
  keep(next);
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

function keep({ base, text }: Draft): void {
  try {
    if (text === base.text || holdsSecret(text)) sessionStorage.removeItem(KEPT_AS);
    else sessionStorage.setItem(KEPT_AS, JSON.stringify({ base, text }));
  } catch {
    // A browser that keeps nothing: the edit holds until the tab is loaded again.
  }
}

function kept(): Draft | undefined {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? 'null');
    if (typeof found !== 'object' || found === null || !('base' in found) || !('text' in found))
      return undefined;
    const { base, text } = found as { base: Partial<FileText>; text: unknown };
    if (typeof text !== 'string' || typeof base.text !== 'string' || typeof base.sha256 !== 'string')
      return undefined;
    const file = { text: base.text, sha256: base.sha256, isRunning: base.isRunning === true };
    return { base: file, text, theirs: undefined, revision: 0 };
  } catch {
    // Nothing kept, or not by us.
    return undefined;
  }
}
