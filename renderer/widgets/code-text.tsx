/**
 * Text from outside (paths, topics, bodies, messages) in fixed width, selectable, as plain text. Characters that draw nothing, move the
 * cursor or turn the direction of writing round are shown by their code: what is read is what is there.
 */
import { useTranslation } from 'react-i18next';
import { hostileParts } from './hostile-text.ts';
import styles from './code-text.module.css';

export interface CodeTextProps {
  readonly children: string;
  /** `line`: one line, cut with an ellipsis, whole in the title; `wrap`: as many lines as it takes; `inline`: in a sentence. */
  readonly as?: 'inline' | 'line' | 'wrap';
  /** Shows line breaks and tabs as such in `wrap`; otherwise they are marked. */
  readonly isDim?: boolean;
}

export function CodeText({ children, as = 'inline', isDim = false }: CodeTextProps) {
  return (
    <span
      className={styles['code']}
      data-as={as}
      data-dim={isDim || undefined}
      dir="ltr"
      title={as === 'line' ? plainTitle(children) : undefined}
    >
      <SafeText text={children} keepsLines={as === 'wrap'} />
    </span>
  );
}

/** The same without the fixed width, for messages that quote foreign text. */
export function SafeText({
  text,
  keepsLines = false,
}: {
  readonly text: string;
  readonly keepsLines?: boolean;
}) {
  const { t } = useTranslation();
  const parts = hostileParts(text, keepsLines);
  const [first] = parts;
  if (parts.length === 1 && first?.code === undefined) return first?.text ?? '';
  return parts.map(({ text: part, code }, place) =>
    code === undefined ? (
      part
    ) : (
      <span key={place} className={styles['hidden']} title={t('widgets.hiddenCharacter', { code })}>
        {part}
      </span>
    ),
  );
}

function plainTitle(text: string): string {
  return hostileParts(text.slice(0, 2_000), false)
    .map((part) => part.text)
    .join('');
}
