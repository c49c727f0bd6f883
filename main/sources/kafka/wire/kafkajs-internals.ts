import type { Socket } from 'node:net';

/** Types of what kafkajs 2.2.4 keeps to itself, as far as Headgate uses it; `kafkajs-guards.ts` checks that it is there. */

export interface ApiRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  encode(): Promise<unknown>;
}

export interface ProtocolRequest<T> {
  readonly request: ApiRequest;
  readonly response: {
    decode(raw: Buffer): Promise<unknown>;
    parse(decoded: unknown): Promise<T>;
  };
  readonly requestTimeout?: number;
}

export interface ApiDefinition<Arguments, T> {
  readonly versions: readonly string[];
  protocol(choice: { version: number }): (args: Arguments) => ProtocolRequest<T>;
}

export interface KafkajsRequestQueue {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, unknown>;
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
  fulfillRequest(answer: { correlationId: number; payload: Buffer; size: number }): void;
  rejectAll(error: Error): void;
  destroy(): void;
}

export interface KafkajsConnection {
  readonly requestQueue: KafkajsRequestQueue;
  readonly authHandlers: { onError(): void } | null;
  connectionStatus: string;
  processData(data: Buffer): void;
  connect(): Promise<unknown>;
  authenticate(): Promise<void>;
  isConnected(): boolean;
  isAuthenticated(): boolean;
  setVersions(versions: ApiVersions): void;
  setSupportAuthenticationProtocol(isSupported: boolean): void;
  send<T>(request: ProtocolRequest<T>): Promise<T>;
}

export type ApiVersions = Readonly<
  Record<number, { readonly minVersion: number; readonly maxVersion: number }>
>;

export interface KafkajsBroker {
  readonly versions: ApiVersions | null;
  connect(): Promise<void>;
}

export interface KafkajsLogger {
  namespace(name: string): KafkajsLogger;
}

export interface KafkajsEncoder {
  writeInt32(value: number): KafkajsEncoder;
  writeBoolean(value: boolean): KafkajsEncoder;
}

export interface ConnectionConfig {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: object | undefined;
  readonly sasl: object | undefined;
  readonly connectionTimeout: number;
  readonly logger: KafkajsLogger;
  readonly socketFactory: (target: {
    host: string;
    port: number;
    ssl: object | undefined;
    onConnect: () => void;
  }) => Socket;
}

export interface FetchTopic {
  readonly topic: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly fetchOffset: number;
    readonly maxBytes: number;
    readonly currentLeaderEpoch: number;
  }[];
}

export interface FetchArguments {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly topics: readonly FetchTopic[];
  readonly isolationLevel: number;
  readonly rackId: string;
}

export interface ListOffsetsArguments {
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
  }[];
}

export interface ListOffsetsResponse {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly errorCode: number;
      readonly offset: string;
      readonly timestamp: string;
    }[];
  }[];
}

export interface MetadataResponse {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
}

export interface LogEntry {
  readonly label: string;
  readonly namespace: string | undefined;
  readonly log: { readonly message: unknown; readonly broker?: string };
}
