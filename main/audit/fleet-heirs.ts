/**
 * State directories whose disk was lost, and those that were rebuilt in their place (`headgate recover`): what the one accepted and landed
 * is the other's, and the other's books say so. For the audit of the fleet the two are one.
 */
import type { FleetAuditInput } from './fleet-audit.ts';

/** The same input under the names of those who have the books now. */
export function underTheirHeirs(input: FleetAuditInput): FleetAuditInput {
  const heirs = new Map<string, string>();
  for (const { facts } of input.gateways)
    if (facts.ended?.why === 'recovered' && facts.ended.by !== facts.stateId)
      heirs.set(facts.stateId, facts.ended.by);
  if (heirs.size === 0) return input;
  const heirOf = (stateId: string): string => {
    let id = stateId;
    // As many steps as there are heirs: whoever wrote a circle into the facts does not keep us here.
    for (let steps = 0; steps < heirs.size; steps++) id = heirs.get(id) ?? id;
    return id;
  };
  const told = new Set(input.gateways.map(({ facts }) => facts.stateId));
  return {
    groups: input.groups.map((group) => ({
      ...group,
      tenures: group.tenures.map((tenure) => ({ ...tenure, stateId: heirOf(tenure.stateId) })),
    })),
    // An heir that has not published yet is told of by whom it follows.
    gateways: input.gateways
      .filter(({ facts: { stateId } }) => heirOf(stateId) === stateId || !told.has(heirOf(stateId)))
      .map((gateway) => ({
        ...gateway,
        facts: { ...gateway.facts, stateId: heirOf(gateway.facts.stateId) },
      })),
    files: input.files?.map((file) => ({ ...file, stateId: heirOf(file.stateId) })),
  };
}
