import type { ChannelDatabase } from '../channel/channel-database.ts';
import { quarantineIds, quarantineSlice, quarantineTarget } from '../channel/quarantine-target.ts';
import { FleetBooks } from './fleet/fleet-books.ts';
import { backlogQueries, type QueryParts } from './query-backlog.ts';
import { FigureBook } from './query-figures.ts';
import { LandingsQuery } from './query-landings.ts';
import type { Queries } from './query-messages.ts';
import { quarantineEvent, quarantineGroups, quarantinePage } from './query-quarantine.ts';

/** The answers over a reading connection. Each call is one or a few short statements; none holds a transaction. */
export function queriesOn(db: ChannelDatabase, parts: QueryParts): Queries {
  const { steadyMs } = parts;
  const figures = new FigureBook(db, steadyMs);
  const landings = new LandingsQuery(db);
  const fleet = new FleetBooks(db);
  return {
    ...backlogQueries(db, parts),
    channelFigures: () => figures.read(),
    landings: (input) => landings.page(input),
    quarantineList: (input) => quarantinePage(db, input),
    quarantineShow: (input) => quarantineEvent(db, input.id),
    quarantineGroups: () => quarantineGroups(db),
    quarantineTarget: (selection) => quarantineTarget(db, selection),
    quarantineSlice: ({ target, after }) => quarantineSlice(db, target, after),
    quarantineIds: ({ target, after }) => quarantineIds(db, target, after),
    fleetAccepted: (input) => fleet.accepted(input),
    fleetWaiting: (input) => fleet.waiting(input),
  };
}
