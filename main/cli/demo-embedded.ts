/** The demo's site without Java: lines are appended to files of one directory, and land in another. */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { directoryTree } from '../../test/rig/landed-tree.ts';
import type { DemoSite } from './demo-site.ts';
import { TOPICS, type Topic, type Traffic } from './demo-traffic.ts';

export async function startEmbeddedSite(directory: string): Promise<DemoSite> {
  const input = join(directory, 'input');
  const output = join(directory, 'output');
  for (const folder of [input, output]) await mkdir(folder, { recursive: true });
  return {
    title: `files in ${input} → directory ${output}`,
    configFile: fileURLToPath(new URL('../../examples/demo-embedded.yaml', import.meta.url)),
    environment: { HEADGATE_DEMO_INPUT: input, HEADGATE_DEMO_OUTPUT: output },
    send: async (traffic, signal) => {
      await Promise.all(
        TOPICS.map((topic) =>
          appendLines({ path: join(input, `${topic.name}.log`), topic, traffic, signal }),
        ),
      );
    },
    landed: () => directoryTree(output),
    // The directories are the demo's own, and go with the rest of it.
    stop: () => Promise.resolve(),
  };
}

async function appendLines(work: {
  readonly path: string;
  readonly topic: Topic;
  readonly traffic: Traffic;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { path, topic, traffic, signal } = work;
  const file = await open(path, 'a');
  try {
    let piece: string[] = [];
    for await (const { value } of traffic.linesOf(topic, signal)) {
      piece.push(value, '\n');
      if (piece.length < 2 * traffic.batch) continue;
      await file.write(piece.join(''));
      piece = [];
    }
    await file.write(piece.join(''));
  } finally {
    await file.close();
  }
}
