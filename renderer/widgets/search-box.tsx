/** The page's search: `/` goes to it, Escape empties it. It tells its text when the typing rests. */
import { CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

const TYPING_RESTS_MS = 200;

export interface SearchBoxProps {
  readonly value: string;
  readonly onChange: (text: string) => void;
  /** What is searched: `Search directories`. */
  readonly label: string;
  readonly width?: number;
  /** False: `/` goes to another box of this page. */
  readonly isPageSearch?: boolean;
}

export function SearchBox({ value, onChange, label, width = 260, isPageSearch = true }: SearchBoxProps) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  const told = useRef(value);
  const tell = useRef(onChange);
  tell.current = onChange;
  // The address or a button may change it from outside.
  useEffect(() => {
    if (value !== told.current) {
      told.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text;
      tell.current(text);
    }, TYPING_RESTS_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <TextInput
      type="search"
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        if (text === '') event.currentTarget.blur();
        else setText('');
        event.stopPropagation();
      }}
      placeholder={label}
      aria-label={label}
      data-page-search={isPageSearch || undefined}
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={
        text === '' ? null : (
          <CloseButton size="xs" aria-label={t('widgets.clear')} onClick={() => setText('')} />
        )
      }
      w={width}
    />
  );
}
