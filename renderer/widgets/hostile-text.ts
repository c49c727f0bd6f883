/** A run of text, or one character that must not be drawn as it is; then `code` names it and `text` is what to show. */
export interface TextPart {
  readonly text: string;
  readonly code?: string;
}

/**
 * C0 and C1 controls, soft hyphen, zero-width and directional characters (Unicode's Bidi_Control), line separators, the byte order mark,
 * interlinear and tag characters, lone surrogates, the replacement character.
 */
const HOSTILE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffd]|\u034f|\u17b4|\u17b5|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/** Of one text: each part is an element of the page, and binary data is nothing but hostile characters. */
const PARTS_MAX = 2_000;

/**
 * Splits a text at what is hostile. `keepsLines`: line feeds and tabs are let through. After `PARTS_MAX` parts the rest is one, in which what is
 * hostile is replaced, too, but not set apart.
 */
export function hostileParts(text: string, keepsLines: boolean): readonly TextPart[] {
  const isLet = (character: string): boolean => keepsLines && (character === '\n' || character === '\t');
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(HOSTILE)) {
    const [character] = match;
    if (isLet(character)) continue;
    if (parts.length >= PARTS_MAX) {
      const rest = text.slice(from);
      parts.push({ text: rest.replaceAll(HOSTILE, (one) => (isLet(one) ? one : marked(one).text)) });
      return parts;
    }
    if (match.index > from) parts.push({ text: text.slice(from, match.index) });
    from = match.index + character.length;
    parts.push(marked(character));
  }
  if (from < text.length || parts.length === 0) parts.push({ text: text.slice(from) });
  return parts;
}

function marked(character: string): TextPart {
  const point = character.codePointAt(0) ?? 0;
  const code = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
  // The pictures of control characters are what people know them by: ␀ ␊ ␛.
  if (point < 0x20) return { text: String.fromCodePoint(0x2400 + point), code };
  if (point === 0x7f) return { text: '\u2421', code };
  return { text: `‹${code.slice(2)}›`, code };
}
