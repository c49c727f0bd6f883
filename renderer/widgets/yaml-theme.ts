/** The editor in the page's colours. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const MONO = 'var(--mantine-font-family-monospace)';

const look = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'transparent', color: 'var(--hg-text)', fontSize: '0.78125rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: MONO, lineHeight: '1.55' },
  '.cm-content': { padding: '6px 0', caretColor: 'var(--hg-text)' },
  '.cm-line': { padding: '0 10px 0 6px' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--hg-text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--hg-accent) 24%, transparent)',
  },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--hg-accent) 6%, transparent)' },
  '.cm-gutters': {
    backgroundColor: 'var(--hg-sunken)',
    color: 'var(--hg-dim)',
    borderRight: '1px solid var(--hg-line)',
  },
  '.cm-activeLineGutter': { backgroundColor: 'var(--hg-accent-soft)', color: 'var(--hg-text)' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '26px', padding: '0 4px 0 2px' },
  '.cm-foldGutter .cm-gutterElement': { padding: '0 3px', cursor: 'pointer' },
  '.cm-foldPlaceholder': {
    backgroundColor: 'var(--hg-sunken)',
    border: '1px solid var(--hg-line)',
    color: 'var(--hg-dim)',
    padding: '0 6px',
  },
  '.cm-gutter-lint': { width: '14px' },
  '.cm-gutter-lint .cm-gutterElement': { padding: '3px 1px' },
  '.cm-lint-marker': { width: '10px', height: '10px', content: '""', borderRadius: '50%' },
  '.cm-lint-marker-error': { content: '""', backgroundColor: 'var(--hg-failed)' },
  '.cm-lint-marker-warning': { content: '""', backgroundColor: 'var(--hg-waiting)', borderRadius: '2px' },
  '.cm-lintRange': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy 1px',
    textUnderlineOffset: '3px',
  },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecorationColor: 'var(--hg-failed)',
    backgroundColor: 'var(--hg-failed-soft)',
  },
  '.cm-lintRange-warning': {
    backgroundImage: 'none',
    textDecorationColor: 'var(--hg-waiting)',
    backgroundColor: 'var(--hg-waiting-soft)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--hg-raised)',
    border: '1px solid var(--hg-line-strong)',
    borderRadius: '4px',
    boxShadow: '0 4px 14px rgb(0 0 0 / 0.18)',
    fontFamily: 'var(--mantine-font-family)',
    fontSize: '0.75rem',
    maxWidth: '420px',
  },
  '.cm-diagnostic': { padding: '5px 9px', whiteSpace: 'pre-wrap' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--hg-failed)' },
  '.cm-diagnostic-warning': { borderLeft: '3px solid var(--hg-waiting)' },
  '.cm-tooltip-autocomplete > ul': { fontFamily: MONO, maxHeight: '220px' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    background: 'var(--hg-accent-soft)',
    color: 'var(--hg-text)',
  },
  '.cm-completionDetail': {
    marginLeft: '10px',
    color: 'var(--hg-dim)',
    fontStyle: 'normal',
    fontFamily: 'var(--mantine-font-family)',
  },
  '.cm-completionMatchedText': { textDecoration: 'none', color: 'var(--hg-accent)', fontWeight: '600' },
  '.cm-completionInfo': { padding: '6px 9px', maxWidth: '300px' },
  '.cm-panels': {
    backgroundColor: 'var(--hg-sunken)',
    color: 'var(--hg-text)',
    fontFamily: 'var(--mantine-font-family)',
  },
  '.cm-panels-top': { borderBottom: '1px solid var(--hg-line)' },
  '.cm-textfield': {
    backgroundColor: 'var(--hg-surface)',
    border: '1px solid var(--hg-line-strong)',
    borderRadius: '4px',
    color: 'var(--hg-text)',
  },
  '.cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--hg-raised)',
    border: '1px solid var(--hg-line-strong)',
    borderRadius: '4px',
    color: 'var(--hg-text)',
  },
  '.cm-panel.cm-search [name=close]': { color: 'var(--hg-text)' },
  '.cm-searchMatch': { backgroundColor: 'var(--hg-waiting-soft)', outline: '1px solid var(--hg-waiting)' },
  '.cm-searchMatch-selected': { backgroundColor: 'color-mix(in srgb, var(--hg-waiting) 35%, transparent)' },
  '.cm-selectionMatch': { backgroundColor: 'color-mix(in srgb, var(--hg-accent) 14%, transparent)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
    backgroundColor: 'var(--hg-accent-soft)',
    outline: '1px solid var(--hg-accent)',
  },
});

const words = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--hg-accent)' },
  { tag: tags.string, color: 'var(--hg-ok)' },
  { tag: [tags.content, tags.attributeValue], color: 'var(--hg-text)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--hg-dim)', fontStyle: 'italic' },
  { tag: [tags.number, tags.bool, tags.keyword], color: 'var(--hg-paused)' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: 'var(--hg-dim)' },
]);

export const yamlTheme = [look, syntaxHighlighting(words)];
