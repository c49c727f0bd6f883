import type { TextsOf } from '../texts-of.ts';
import type { configuration as english } from '../en/configuration.ts';

export const configuration: TextsOf<typeof english> = {
  title: '配置',
};
