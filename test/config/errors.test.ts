/** Goal: any thrown value becomes a plain report with its causes and without secrets. Method: constructed and real errors. */
import { createConnection } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  ERROR_CODES,
  GatewayError,
  isGatewayError,
  MAX_CAUSES,
  toErrorReport,
  withoutSecrets,
} from '../../shared/errors.ts';

const options = {
  code: 'transport',
  operation: 'pull',
  place: 'kafka1:9092',
  message: 'cut',
  retry: 'backoff',
  hint: 'wait',
} as const;

describe('errors', () => {
  test('a report has the chain of causes, nearest first, and is plain JSON', () => {
    const error = new GatewayError({
      ...options,
      cause: new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'ECONNRESET' }) }),
    });
    const report = toErrorReport(error);
    expect(report).toEqual({
      ...options,
      causes: [
        { name: 'Error', message: 'outer' },
        { name: 'Error', message: 'inner', code: 'ECONNRESET' },
      ],
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test('a real refused connection is told with its code', async () => {
    const cause = await new Promise<Error>((done) =>
      createConnection({ host: '127.0.0.1', port: 1 }).on('error', done),
    );
    expect(toErrorReport(new GatewayError({ ...options, cause })).causes[0]).toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  test('causes in a circle and without end are cut', () => {
    const circle = new Error('a');
    circle.cause = circle;
    expect(toErrorReport(circle).causes).toEqual([]);
    let deep = new Error('0');
    for (let depth = 1; depth < 50; depth++) deep = new Error(String(depth), { cause: deep });
    expect(toErrorReport(new GatewayError({ ...options, cause: deep })).causes).toHaveLength(MAX_CAUSES);
  });

  test('what is no error at all is reported too', () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    expect([undefined, null, 7, 'text', cyclic].map((thrown) => toErrorReport(thrown).code)).toEqual(
      Array.from({ length: 5 }, () => 'unknown'),
    );
  });

  test.each([
    ['failed: password=hunter2, user=a', 'hunter2'],
    ['GET http://nn:9870/webhdfs/v1/?op=X&delegation=HAAEaGVhZA&user.name=a', 'HAAEaGVhZA'],
    ['connect to https://gw:hunter2@host/', 'hunter2'],
    ['{"password": "hunter2 with space"}', 'hunter2'],
    ['Authorization: Bearer abc.def', 'abc.def'],
    [`-----BEGIN ${'RSA'} PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----`, 'MIIB'],
  ])('a foreign message keeps its secret: %s', (message, secret) => {
    expect(withoutSecrets(message)).not.toContain(secret);
    expect(
      JSON.stringify(toErrorReport(new GatewayError({ ...options, cause: new Error(message) }))),
    ).not.toContain(secret);
  });

  test('an error of another copy of the class is known by name and code; a stranger is not', () => {
    expect(isGatewayError(new GatewayError(options))).toBe(true);
    expect(isGatewayError(Object.assign(new Error('x'), { name: 'GatewayError', code: 'timeout' }))).toBe(
      true,
    );
    expect(isGatewayError(Object.assign(new Error('x'), { name: 'GatewayError', code: 'toString' }))).toBe(
      false,
    );
    expect(isGatewayError(new Error('x'))).toBe(false);
  });

  test('every code is kebab-case and has a line that ends like a sentence', () => {
    for (const [code, meaning] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(meaning).toMatch(/^[A-Z].{10,160}\.$/);
    }
  });
});
