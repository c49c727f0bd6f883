/** Fetches the file that a job made, part by part, and hands it to the browser to save. */
import { useState } from 'react';
import type { Job } from '../../shared/contract/control-job.ts';
import type { EngineClient } from '../client/engine-client.ts';
import { toCallError } from '../client/call-error.ts';
import { useEngine } from '../client/engine-context.tsx';
import { toast } from '../widgets/toast.ts';

export interface JobFile {
  /** While it is fetched. */
  readonly doneBytes: number | undefined;
  readonly save: () => Promise<void>;
}

export function useJobFile(job: Pick<Job, 'id'>): JobFile {
  const { client } = useEngine();
  const [doneBytes, setDone] = useState<number>();
  const save = async () => {
    setDone(0);
    try {
      const { name, blob } = await fetchJobFile(client, job.id, setDone);
      saveBlob(name, blob);
    } catch (error) {
      toast(toCallError(error).message, 'failed');
    } finally {
      setDone(undefined);
    }
  };
  return { doneBytes, save };
}

export async function fetchJobFile(
  client: EngineClient,
  id: string,
  onBytes: (done: number) => void,
): Promise<{ readonly name: string; readonly blob: Blob }> {
  const parts: BlobPart[] = [];
  let offset: number | undefined = 0;
  let name = id;
  while (offset !== undefined) {
    const part: { name: string; base64: string; next?: number | undefined } = await client.call('jobFile', {
      id,
      offset,
    });
    parts.push(bytesOf(part.base64));
    ({ name, next: offset } = part);
    if (offset !== undefined) onBytes(offset);
  }
  return { name, blob: new Blob(parts) };
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** A name from outside must not choose a directory. */
export function saveBlob(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.()+ -]/g, '_');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
