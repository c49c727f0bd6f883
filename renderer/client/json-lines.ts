/** A longer line is no event of an engine. */
const LINE_CHARS_MAX = 16 * 1024 * 1024;

/** The values of a stream of JSON lines, as they come. Throws when a line is no JSON or grows without end. */
export async function* jsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as unknown;
      if (rest.length > LINE_CHARS_MAX) throw new Error('a line of the event stream has no end');
    }
  } finally {
    // Frees the connection also when the reader of this generator stops early.
    await reader.cancel().catch((error: unknown) => void error);
  }
}
