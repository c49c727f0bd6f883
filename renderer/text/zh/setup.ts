import type { TextsOf } from '../texts-of.ts';
import type { setup as english } from '../en/setup.ts';

export const setup: TextsOf<typeof english> = {
  title: '首次配置',
};
