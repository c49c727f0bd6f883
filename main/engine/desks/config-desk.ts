import type { EngineApi } from '../../control/engine-api.ts';
import { GatewayError } from '../../../shared/errors.ts';

type Faces = Pick<
  EngineApi,
  'configText' | 'configCheck' | 'configDiff' | 'configApply' | 'configHistory' | 'configRollback'
>;

/** Stands in until this desk is built. */
export class ConfigDesk implements Faces {
  readonly configText = async () => unbuilt();
  readonly configCheck = async () => unbuilt();
  readonly configDiff = async () => unbuilt();
  readonly configApply = async () => unbuilt();
  readonly configHistory = async () => unbuilt();
  readonly configRollback = async () => unbuilt();
}

function unbuilt(): never {
  throw new GatewayError({
    code: 'unknown',
    operation: '',
    place: '',
    message: 'this desk is being built',
    retry: 'never',
    hint: '',
  });
}
