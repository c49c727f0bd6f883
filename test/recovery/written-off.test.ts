/**
 * Goal: a state directory that is written off takes no landing step any more, whoever writes when (main/landing/written-off.ts). Method: the
 * engine's own marker on a tree in memory, with and without attributes, and a step of it that is cut in two at the worst place.
 */
import { describe, expect, it } from 'vitest';
import { LandingMarker } from '../../main/landing/landing-marker.ts';
import { writeOff, writtenOffBy } from '../../main/landing/written-off.ts';
import { MemoryTarget } from '../landing/memory-target.ts';
import { Notes } from '../landing/marker-notes.ts';

const calm = new AbortController().signal;
const PATH = '/logs/.headgate/gw/lost.hadoop';

function markerOn(target: MemoryTarget): LandingMarker {
  return new LandingMarker({
    settings: { sink: 'hadoop', stateId: 'lost', markerDirectory: '/logs/.headgate/gw' },
    store: new Notes(),
    target,
    random: Math.random,
    report: () => undefined,
    crashPoint: () => undefined,
  });
}

describe.each([
  ['with attributes', { hasAttributes: true }],
  ['without attributes', { hasAttributes: false }],
])('a marker that is written off, on a target %s', (_name, options) => {
  it('refuses each step from then on, and the start of an engine', async () => {
    const target = new MemoryTarget(options);
    const marker = markerOn(target);
    await marker.checkedNamespace(calm);
    await marker.advance(calm);
    await writeOff(target, { path: PATH, by: 'fresh' }, calm);
    expect(await writtenOffBy(target, PATH, calm)).toBe('fresh');
    const refusal = { code: 'state-cloned', message: expect.stringContaining('given up as lost') as string };
    await expect(marker.advance(calm)).rejects.toMatchObject(refusal);
    await expect(marker.advance(calm)).rejects.toMatchObject(refusal);
    await expect(markerOn(target).checkedNamespace(calm)).rejects.toMatchObject(refusal);
  });

  it('keeps its note when a step that looked before it writes after it', async () => {
    const target = new MemoryTarget(options);
    const marker = markerOn(target);
    await marker.checkedNamespace(calm);
    // The step has looked; before it writes, the note comes.
    const mkdirs = target.mkdirs.bind(target);
    target.mkdirs = async (directory) => {
      target.mkdirs = mkdirs;
      await writeOff(target, { path: PATH, by: 'fresh' }, calm);
      await mkdirs(directory);
    };
    await marker.advance(calm);
    expect(await writtenOffBy(target, PATH, calm)).toBe('fresh');
    await expect(marker.advance(calm)).rejects.toMatchObject({ code: 'state-cloned' });
  });

  it('may be written off before it ever was, and twice', async () => {
    const target = new MemoryTarget(options);
    await writeOff(target, { path: PATH, by: 'fresh' }, calm);
    await writeOff(target, { path: PATH, by: 'fresh' }, calm);
    await expect(markerOn(target).checkedNamespace(calm)).rejects.toMatchObject({ code: 'state-cloned' });
  });
});
