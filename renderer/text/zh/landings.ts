import type { TextsOf } from '../texts-of.ts';
import type { landings as english } from '../en/landings.ts';

export const landings: TextsOf<typeof english> = {
  title: '落地记录',
};
