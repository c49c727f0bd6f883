/** The file to be written, for reading: numbered lines, keys apart from values. Nothing is edited here, so no editor is fetched for it. */
import { useTranslation } from 'react-i18next';
import { SafeText } from '../../widgets/code-text.tsx';
import styles from './setup.module.css';

const KEY = /^(\s*(?:- )?)([\w.*-]+:)(.*)$/;

export function YamlListing({ text }: { readonly text: string }) {
  const { t } = useTranslation();
  return (
    <ol className={styles['listing']} tabIndex={0} aria-label={t('setup.review.file')} dir="ltr">
      {text
        .trimEnd()
        .split('\n')
        .map((line, place) => (
          <li key={place}>
            <Line line={line} />
          </li>
        ))}
    </ol>
  );
}

function Line({ line }: { readonly line: string }) {
  const match = KEY.exec(line);
  if (match === null) return <SafeText text={line} />;
  const [, lead = '', key = '', value = ''] = match;
  return (
    <>
      {lead}
      <span className={styles['yamlKey']}>
        <SafeText text={key} />
      </span>
      <SafeText text={value} />
    </>
  );
}
