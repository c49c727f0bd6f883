/**
 * The event header in which a source leaves the record's own time, epoch ms as text. It stays when an interceptor sets `timestamp`,
 * and sinks read it for `onMissingTime: recordTime`.
 */
export const RECORD_TIME_HEADER = 'kafka.timestamp';
