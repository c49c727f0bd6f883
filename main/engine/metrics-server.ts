/** `/metrics` for Prometheus and `/metrics.json` in Flume's shape, on the address that the configuration names. */
import { fastify } from 'fastify';
import type { AddressInfo } from 'node:net';
import { GatewayError } from '../../shared/errors.ts';
import type { EngineApi } from '../control/engine-api.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface MetricsServer {
  close(): Promise<void>;
}

export async function startMetricsServer(
  listen: { readonly host: string; readonly port: number },
  api: EngineApi,
  log: Logger,
): Promise<MetricsServer> {
  const server = fastify({ logger: false, forceCloseConnections: true });
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await api.prometheusMetrics();
    return reply.type(contentType).send(text);
  });
  server.get('/metrics.json', async () => api.flumeMetrics());
  try {
    await server.listen({ host: listen.host, port: listen.port });
  } catch (cause) {
    throw new GatewayError({
      code: 'config-invalid',
      operation: 'listen for metrics',
      place: `${listen.host}:${listen.port}`,
      message: 'the address can’t be used',
      retry: 'never',
      hint: 'is another program on that port? change metrics.listen',
      cause,
    });
  }
  const address = server.server.address() as AddressInfo;
  log.info('metrics served', { host: address.address, port: address.port });
  return { close: () => server.close() };
}
