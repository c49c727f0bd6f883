import type { EngineApi } from '../../control/engine-api.ts';
import { GatewayError } from '../../../shared/errors.ts';

type Faces = Pick<EngineApi, 'history' | 'logTail' | 'alertHistory'>;

/** Stands in until this desk is built. */
export class HistoryDesk implements Faces {
  readonly history = async () => unbuilt();
  readonly logTail = async () => unbuilt();
  readonly alertHistory = async () => unbuilt();
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
