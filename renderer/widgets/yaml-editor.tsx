/**
 * YAML to be read or written: line numbers, search, folding, problems at their place, completion. Loaded late: it is reached through
 * `latePart` and nowhere else.
 */
import {
  autocompletion,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Annotation, Compartment, EditorState, type Extension, type Text } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { useEffect, useImperativeHandle, useMemo, useRef, type Ref } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConfigProblem } from '../../shared/contract/config-problem.ts';
import { readNonce } from '../app/nonce.ts';
import type { YamlCompletion } from './yaml-option.ts';
import { yamlTheme } from './yaml-theme.ts';
import styles from './yaml-editor.module.css';

export interface YamlEditorHandle {
  /** From 1. */
  readonly goTo: (line: number, column?: number) => void;
  /** Puts the offset's line into sight without taking the focus. */
  readonly reveal: (offset: number) => void;
}

export interface YamlEditorProps {
  /** For screen readers. */
  readonly label: string;
  readonly value: string;
  readonly onChange?: (text: string) => void;
  readonly isReadOnly?: boolean;
  readonly problems?: readonly ConfigProblem[];
  readonly complete?: (text: string, offset: number) => YamlCompletion | undefined;
  /** The line of the cursor, when somebody moved it. */
  readonly onLine?: (line: number) => void;
  readonly ref?: Ref<YamlEditorHandle>;
}

const fromOutside = Annotation.define<boolean>();
const NO_PROBLEMS: readonly ConfigProblem[] = [];

export function YamlEditor(props: YamlEditorProps) {
  const { value, problems = NO_PROBLEMS, isReadOnly = false, ref } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const phrases = usePhrases();
  const parts = useRef({ readOnly: new Compartment(), phrases: new Compartment() });

  useEffect(() => {
    if (host.current === null) return;
    const { readOnly, phrases: words } = parts.current;
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          extensionsOf(latest),
          readOnly.of(EditorState.readOnly.of(latest.current.isReadOnly === true)),
          words.of(EditorState.phrases.of({})),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    const { readOnly, phrases: words } = parts.current;
    view.current?.dispatch({
      effects: [
        readOnly.reconfigure(EditorState.readOnly.of(isReadOnly)),
        words.reconfigure(EditorState.phrases.of(phrases)),
      ],
    });
  }, [isReadOnly, phrases]);

  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || editor.state.doc.toString() === value) return;
    editor.dispatch({
      changes: changeTo(editor.state.doc.toString(), value),
      annotations: fromOutside.of(true),
    });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (editor === undefined) return;
    const { doc } = editor.state;
    editor.dispatch(
      setDiagnostics(
        editor.state,
        problems.map((problem) => diagnosticOf(problem, doc)),
      ),
    );
  }, [problems]);

  useImperativeHandle(ref, () => handleOf(() => view.current), []);
  return <div ref={host} className={styles['editor']} data-read-only={isReadOnly || undefined} />;
}

function handleOf(view: () => EditorView | undefined): YamlEditorHandle {
  return {
    goTo: (line, column = 1) => {
      const editor = view();
      if (editor === undefined) return;
      const at = offsetOf(editor.state.doc, line, column);
      editor.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) });
      editor.focus();
    },
    reveal: (offset) => {
      const editor = view();
      if (editor === undefined) return;
      const at = Math.min(offset, editor.state.doc.length);
      editor.dispatch({
        selection: { anchor: at },
        effects: EditorView.scrollIntoView(at, { y: 'center' }),
        annotations: fromOutside.of(true),
      });
    },
  };
}

function extensionsOf(latest: { readonly current: YamlEditorProps }): Extension {
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightSpecialChars(),
    history(),
    foldGutter(),
    drawSelection(),
    indentUnit.of('  '),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    lintGutter(),
    yaml(),
    EditorView.lineWrapping,
    autocompletion({ override: [(context) => completed(context, latest.current)], icons: false }),
    keymap.of([
      ...completionKeymap,
      ...searchKeymap,
      ...lintKeymap,
      ...foldKeymap,
      ...historyKeymap,
      ...defaultKeymap,
      indentWithTab,
    ]),
    EditorView.cspNonce.of(readNonce()),
    EditorView.contentAttributes.of({
      'aria-label': latest.current.label,
      'data-yaml-editor': '',
      tabindex: '0',
    }),
    EditorView.updateListener.of(({ docChanged, selectionSet, transactions, state }) => {
      if (transactions.some((transaction) => transaction.annotation(fromOutside) === true)) return;
      if (docChanged) latest.current.onChange?.(state.doc.toString());
      if (docChanged || selectionSet)
        latest.current.onLine?.(state.doc.lineAt(state.selection.main.head).number);
    }),
    yamlTheme,
  ];
}

function completed(
  { state, pos, explicit }: CompletionContext,
  { complete, isReadOnly }: YamlEditorProps,
): CompletionResult | null {
  if (isReadOnly === true) return null;
  const found = complete?.(state.doc.toString(), pos);
  if (found === undefined || (!explicit && found.from === pos && state.doc.lineAt(pos).text.trim() === ''))
    return null;
  return {
    from: found.from,
    options: found.options.map(({ label, insert, detail, info }) => ({
      label,
      apply: insert,
      ...(detail === undefined || detail === '' ? {} : { detail }),
      ...(info === undefined || info === '' ? {} : { info }),
    })),
    validFor: /^[\w.-]*$/,
  };
}

/** The smallest stretch that differs, so that the cursor and the folds stay. */
function changeTo(
  before: string,
  after: string,
): { readonly from: number; readonly to: number; readonly insert: string } {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { from: head, to: before.length - tail, insert: after.slice(head, after.length - tail) };
}

function offsetOf(doc: Text, line: number, column: number): number {
  const { from, length } = doc.line(Math.max(1, Math.min(line, doc.lines)));
  return from + Math.max(0, Math.min(column - 1, length));
}

/** From the problem's column to the end of the word, or of the value. */
function diagnosticOf({ line, column, severity, message, hint }: ConfigProblem, doc: Text): Diagnostic {
  const from = offsetOf(doc, line, column);
  const text = doc.lineAt(from);
  const rest = text.text.slice(from - text.from);
  const word = /^(?:"[^"]*"|'[^']*'|[^\s:,\]}]+)/.exec(rest)?.[0].length ?? 1;
  return {
    from: from === text.to && from > text.from ? from - 1 : from,
    to: Math.min(from + word, text.to),
    severity,
    message: hint === '' ? message : `${message}. ${hint}`,
  };
}

function usePhrases(): Record<string, string> {
  const { t } = useTranslation();
  return useMemo(() => ({ ...t('configuration.editor.phrases', { returnObjects: true }) }), [t]);
}
