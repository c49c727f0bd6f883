import type { EngineApi } from '../../control/engine-api.ts';
import { GatewayError } from '../../../shared/errors.ts';

type Faces = Pick<EngineApi, 'supportBundleStart'>;

/** Stands in until this desk is built. */
export class BundleDesk implements Faces {
  readonly supportBundleStart = async () => unbuilt();
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
