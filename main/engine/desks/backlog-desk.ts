import type { EngineApi } from '../../control/engine-api.ts';
import { GatewayError } from '../../../shared/errors.ts';

type Faces = Pick<EngineApi, 'backlogHeat' | 'backlogChunks' | 'backlogExportStart'>;

/** Stands in until this desk is built. */
export class BacklogDesk implements Faces {
  readonly backlogHeat = async () => unbuilt();
  readonly backlogChunks = async () => unbuilt();
  readonly backlogExportStart = async () => unbuilt();
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
