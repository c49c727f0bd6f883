/** A path in one line whose end stays readable: paths differ at their end, so what is cut is cut before it. */
import { SafeText } from './code-text.tsx';
import styles from './path-text.module.css';

/** So many characters at the end are not given up while there is room for them. */
const TAIL_CHARACTERS = 24;

export function PathText({ children }: { readonly children: string }) {
  const [head, tail] = pathParts(children);
  return (
    <span className={styles['path']} dir="ltr" title={children}>
      {head !== '' && (
        <span className={styles['head']}>
          <SafeText text={head} />
        </span>
      )}
      <span className={styles['tail']}>
        <SafeText text={tail} />
      </span>
    </span>
  );
}

/** At a slash where one is near enough, and never inside of a character. */
export function pathParts(path: string): readonly [head: string, tail: string] {
  const characters = [...path];
  if (characters.length <= TAIL_CHARACTERS) return ['', path];
  const tail = characters.slice(-TAIL_CHARACTERS).join('');
  const slash = tail.indexOf('/');
  const kept = slash < 0 || slash > TAIL_CHARACTERS / 2 ? tail : tail.slice(slash);
  return [path.slice(0, path.length - kept.length), kept];
}
