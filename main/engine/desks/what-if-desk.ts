import type { EngineApi } from '../../control/engine-api.ts';
import { GatewayError } from '../../../shared/errors.ts';

type Faces = Pick<EngineApi, 'whatIfStart' | 'whatIfResult' | 'kafkaTopics' | 'kafkaSample'>;

/** Stands in until this desk is built. */
export class WhatIfDesk implements Faces {
  readonly whatIfStart = async () => unbuilt();
  readonly whatIfResult = async () => unbuilt();
  readonly kafkaTopics = async () => unbuilt();
  readonly kafkaSample = async () => unbuilt();
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
