import assert from 'node:assert/strict';
import { fileId as toFileId } from '../../shared/model/brand.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type { UploadAttempt } from '../../shared/model/file-plan.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { PAGE_ROWS, REMOVED_AGAIN_MS } from './channel-limits.ts';

interface AttemptColumns {
  readonly file_id: string;
  readonly number: number;
  readonly temp_path: string;
  readonly state: UploadAttempt['state'];
  readonly inode: string | null;
  readonly started_at_ms: number;
  readonly abandoned_at_ms: number | null;
  readonly removed_at_ms: number | null;
}

/** A temp name that our own plan gave up; the same shape as landing's own. */
export interface AbandonedTemp {
  readonly fileId: FileId;
  readonly number: number;
  readonly tempPath: string;
  readonly inode: string | undefined;
  readonly removedAtMs: number | undefined;
  readonly abandonedAtMs: number;
}

/**
 * Upload attempts and their temp names. A name is used once, ever. Attempts outlive their plan until the janitor has removed
 * their names twice, since a late DataNode may make an abandoned file after it was removed.
 */
export class AttemptStore {
  readonly #statements;

  constructor(db: ChannelDatabase) {
    this.#statements = prepare(db);
  }

  of(fileId: string): UploadAttempt[] {
    return this.#statements.ofFile.all(fileId).map((row) => ({
      number: row.number,
      tempPath: row.temp_path,
      state: row.state,
      inode: row.inode ?? undefined,
      startedAtMs: row.started_at_ms,
    }));
  }

  stateOf(fileId: string, number: number): UploadAttempt['state'] | undefined {
    return this.#statements.ofFile.all(fileId).find((row) => row.number === number)?.state;
  }

  start(attempt: { fileId: string; sink: string; number: number; tempPath: string; nowMs: number }): void {
    const known = this.#statements.byPath.get(attempt.tempPath);
    assert.ok(known === undefined, `the temp name ${attempt.tempPath} was used before`);
    this.#statements.insert.run(attempt);
  }

  uploaded(fileId: string, attempt: { readonly number: number; readonly inode: string | undefined }): void {
    const values = { fileId, number: attempt.number, inode: attempt.inode ?? null };
    const { changes } = this.#statements.upload.run(values);
    assert.equal(changes, 1, `attempt ${attempt.number} of ${fileId} is not under way`);
  }

  abandon(
    fileId: string,
    attempt: { readonly number: number; readonly inode: string | undefined },
    nowMs: number,
  ): void {
    this.#statements.abandon.run({ fileId, number: attempt.number, inode: attempt.inode ?? null, nowMs });
  }

  abandonAll(fileId: string, nowMs: number): void {
    for (const { number } of this.of(fileId)) this.abandon(fileId, { number, inode: undefined }, nowMs);
  }

  /** After its plan was given up: no name of it becomes a file any more, all are the janitor's. */
  giveUp(fileId: string, nowMs: number): void {
    this.#statements.removeDone.run(fileId);
    this.abandonAll(fileId, nowMs);
  }

  /** After landing: the name that was renamed is no longer a temp name; all others are the janitor's. */
  settle(fileId: string, renamed: number, nowMs: number): void {
    this.#statements.remove.run(fileId, renamed);
    this.#statements.removeDone.run(fileId);
    this.abandonAll(fileId, nowMs);
  }

  abandoned(sink: string, beforeMs: number): AbandonedTemp[] {
    return this.#statements.abandoned.all(sink, beforeMs).map((row) => ({
      fileId: toFileId(row.file_id),
      number: row.number,
      tempPath: row.temp_path,
      inode: row.inode ?? undefined,
      removedAtMs: row.removed_at_ms ?? undefined,
      abandonedAtMs: row.abandoned_at_ms ?? row.started_at_ms,
    }));
  }

  /** The first removal is noted; one that comes `REMOVED_AGAIN_MS` later is the last. */
  removed(
    names: readonly { readonly fileId: FileId; readonly number: number; readonly atMs: number }[],
  ): void {
    for (const { fileId, number, atMs } of names) {
      this.#statements.finish.run({ fileId, number, beforeMs: atMs - REMOVED_AGAIN_MS });
      this.#statements.noteRemoved.run({ fileId, number, atMs });
      this.#statements.forget.run(fileId);
    }
  }
}

function prepare(db: ChannelDatabase) {
  return {
    ofFile: db.prepare<[string], AttemptColumns>('SELECT * FROM attempts WHERE file_id = ? ORDER BY number'),
    byPath: db.prepare<[string], { number: number }>('SELECT number FROM attempts WHERE temp_path = ?'),
    insert: db.prepare(`INSERT INTO attempts (file_id, number, sink, temp_path, state, started_at_ms)
      VALUES (@fileId, @number, @sink, @tempPath, 'started', @nowMs)`),
    upload: db.prepare(`UPDATE attempts SET state = 'uploaded', inode = coalesce(@inode, inode)
      WHERE file_id = @fileId AND number = @number AND state IN ('started', 'uploaded')`),
    abandon: db.prepare(`UPDATE attempts SET state = 'abandoned', inode = coalesce(@inode, inode),
      abandoned_at_ms = coalesce(abandoned_at_ms, @nowMs)
      WHERE file_id = @fileId AND number = @number AND state <> 'removed'`),
    remove: db.prepare<[string, number]>('DELETE FROM attempts WHERE file_id = ? AND number = ?'),
    removeDone: db.prepare<[string]>("DELETE FROM attempts WHERE file_id = ? AND state = 'removed'"),
    // Never a name whose file is in the ledger under its inode: it may have been moved into place.
    abandoned: db.prepare<[string, number], AttemptColumns>(`SELECT * FROM attempts a
      WHERE sink = ? AND state = 'abandoned' AND (removed_at_ms IS NULL OR removed_at_ms < ?)
      AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.inode = a.inode AND l.sink = a.sink)
      ORDER BY abandoned_at_ms LIMIT ${PAGE_ROWS}`),
    finish: db.prepare(`UPDATE attempts SET state = 'removed'
      WHERE file_id = @fileId AND number = @number AND state = 'abandoned' AND removed_at_ms <= @beforeMs`),
    noteRemoved: db.prepare(`UPDATE attempts SET removed_at_ms = coalesce(removed_at_ms, @atMs)
      WHERE file_id = @fileId AND number = @number AND state = 'abandoned'`),
    // While the plan is open its attempts are part of it.
    forget: db.prepare<[string]>(`DELETE FROM attempts WHERE file_id = ? AND state = 'removed'
      AND NOT EXISTS (SELECT 1 FROM plans WHERE plans.file_id = attempts.file_id)`),
  };
}
