import type { ChannelDatabase } from '../channel/channel-database.ts';
import { backlogExport, backlogList, backlogPeek } from './query-backlog.ts';
import { channelFigures } from './query-figures.ts';
import { landingsPage } from './query-landings.ts';
import type { Queries } from './query-messages.ts';
import { QuarantineCounts, quarantinePage, quarantineEvent } from './query-quarantine.ts';

/** The answers over a reading connection. Each call is one or a few short statements; none holds a transaction. */
export function queriesOn(db: ChannelDatabase): Queries {
  const counts = new QuarantineCounts(db);
  return {
    channelFigures: () => channelFigures(db, counts),
    backlogList: (input) => backlogList(db, input),
    backlogPeek: (input) => backlogPeek(db, input),
    backlogExport: (input) => backlogExport(db, input),
    landings: (input) => landingsPage(db, input),
    quarantineList: (input) => quarantinePage(db, counts, input),
    quarantineShow: (input) => quarantineEvent(db, input.id),
  };
}
