import { FleetMember } from './fleet-member.ts';
import type { Stage } from './fleet-script.ts';
import { CallFates, GROUP, GroupModel, ModelLink, ModelPull, TOPIC, TOPIC_ID } from './group-model.ts';

/** Three gateways on a model of a broker. */
export function modelStage(partitions: readonly number[]): Stage & { readonly model: GroupModel } {
  const model = new GroupModel();
  const pull = new ModelPull(model);
  const clock = {
    now: () => 0,
    steadyMs: () => 0,
    wait: async () => {
      await Promise.resolve();
      model.wait();
    },
  };
  const members = ['a', 'b', 'c'].map((name) => {
    const fates = new CallFates();
    return new FleetMember(name, {
      ...{ topic: TOPIC, group: GROUP, topicId: TOPIC_ID, clusterId: 'c', leader: 1, pull, clock, fates },
      link: new ModelLink(model, fates),
      logEnd: (partition) => model.partition(partition).logEnd,
    });
  });
  return {
    ...{ members, partitions, model },
    produce: (partition, count) => Promise.resolve(void (model.partition(partition).logEnd += count)),
    logEnd: (partition) => model.partition(partition).logEnd,
    late: () => Promise.resolve(model.deliverLate()),
    time: () => Promise.resolve(model.wait()),
  };
}
