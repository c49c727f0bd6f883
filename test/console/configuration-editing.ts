/** What operators do on the configuration page, as steps. */
import type { Page } from 'playwright-core';
import { en } from '../../renderer/text/en.ts';

const text = en.configuration;

/** With the editor’s own search, as somebody does who changes one thing everywhere. */
export async function replaceInYaml(page: Page, from: string, to: string): Promise<void> {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+f');
  await page.getByRole('textbox', { name: text.editor.phrases.Find, exact: true }).fill(from);
  await page.getByRole('textbox', { name: text.editor.phrases.Replace, exact: true }).fill(to);
  await page.getByRole('button', { name: text.editor.phrases['replace all'] }).click();
  await page.keyboard.press('Escape');
  await page.getByText(text.unsaved).waitFor();
}

/** Applies what is edited, with the keyboard, and reads what came of it. */
export async function applyConfiguration(page: Page, note: string): Promise<void> {
  // At once: what was typed a moment ago may not be checked yet.
  await page.keyboard.press('Control+s');
  const dialog = page.getByRole('dialog', { name: text.applyTitle });
  await dialog.getByLabel(text.note).fill(note);
  await dialog.getByRole('button', { name: text.applyNow }).click();
  const done = page.getByRole('dialog', { name: text.applied.title });
  await done.waitFor();
  await page.keyboard.press('Escape');
  await done.waitFor({ state: 'hidden' });
}
