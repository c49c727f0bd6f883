/** Goal: both languages say everything. Method: walk the two trees of texts and compare keys and placeholders. */
import { describe, expect, test } from 'vitest';
import { en } from '../../renderer/text/en.ts';
import { zh } from '../../renderer/text/zh.ts';

const english = flat(en);
const chinese = flat(zh);

describe('texts', () => {
  test('both languages have the same keys', () => {
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
  });

  test('a text and its translation take the same values', () => {
    const differing = [...english].filter(
      ([key, text]) => placeholders(text).join() !== placeholders(chinese.get(key) ?? '').join(),
    );
    expect(differing.map(([key]) => key)).toEqual([]);
  });

  test('no text is empty, and every Chinese sentence is Chinese', () => {
    expect([...english, ...chinese].filter(([, text]) => text.trim() === '').map(([key]) => key)).toEqual([]);
    // Names and units are the same in both; a sentence of several words is not.
    const untranslated = [...chinese].filter(
      ([key, text]) =>
        text === english.get(key) && /[a-z]+ [a-z]+ [a-z]+/.test(text.replace(/\{\{.*?\}\}/g, '')),
    );
    expect(untranslated.map(([key]) => key)).toEqual([]);
  });
});

function flat(tree: object, path = ''): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(tree) as [string, unknown][]) {
    const name = path === '' ? key : `${path}.${key}`;
    if (typeof value === 'string') texts.set(name, value);
    else if (typeof value === 'object' && value !== null)
      for (const [inner, text] of flat(value, name)) texts.set(inner, text);
  }
  return texts;
}

function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\{\s*(\w+)/g)].map(([, name]) => name ?? ''))].sort();
}
