import type { MarkerNotes } from '../../main/landing/landing-marker.ts';

/** Notes as a database keeps them; a copy is what a backup tool makes. */
export class Notes implements MarkerNotes {
  readonly map: Map<string, string>;

  constructor(map = new Map<string, string>()) {
    this.map = map;
  }

  copy(): Notes {
    return new Notes(new Map(this.map));
  }

  readNote(name: string): Promise<string | undefined> {
    return Promise.resolve(this.map.get(name));
  }

  writeNote(name: string, value: string): Promise<void> {
    this.map.set(name, value);
    return Promise.resolve();
  }
}
