import type { EngineApi } from '../../control/engine-api.ts';
import { GatewayError } from '../../../shared/errors.ts';

type Faces = Pick<EngineApi, 'doctorStart' | 'doctorResult'>;

/** Stands in until this desk is built. */
export class DoctorDesk implements Faces {
  readonly doctorStart = async () => unbuilt();
  readonly doctorResult = async () => unbuilt();
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
