import type { EngineApi } from '../../control/engine-api.ts';
import { GatewayError } from '../../../shared/errors.ts';

type Faces = Pick<EngineApi, 'quarantineGroups' | 'quarantineRetry' | 'quarantineDrop'>;

/** Stands in until this desk is built. */
export class QuarantineDesk implements Faces {
  readonly quarantineGroups = async () => unbuilt();
  readonly quarantineRetry = async () => unbuilt();
  readonly quarantineDrop = async () => unbuilt();
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
