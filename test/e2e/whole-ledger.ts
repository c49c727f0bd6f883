import type { ControlClient } from '../../main/control/control-client.ts';
import type { LandingRow } from '../../shared/contract/control-rows.ts';

const PAGE_ROWS = 1_000;

/** Every row of an engine's ledger, newest first, page by page. */
export async function wholeLedger(client: ControlClient): Promise<LandingRow[]> {
  const rows: LandingRow[] = [];
  for (let after: string | undefined; ;) {
    const page = await client.call('landings', {
      limit: PAGE_ROWS,
      ...(after === undefined ? {} : { after }),
    });
    rows.push(...page.rows);
    if (page.next === undefined) return rows;
    after = page.next;
  }
}
