import { asGatewayError } from './landing-failure.ts';

/** `false` where attributes are switched off or full: something else takes their place. */
export async function stampOrFalse(stamp: () => Promise<boolean>): Promise<boolean> {
  try {
    return await stamp();
  } catch (error) {
    if (asGatewayError(error, 'stamp a file', '').code === 'xattr-unavailable') return false;
    throw error;
  }
}
