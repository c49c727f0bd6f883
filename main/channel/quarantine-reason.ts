/** A text from an event, as reasons quote it; and a number that stands by itself. */
const QUOTED = /"(?:[^"\\]|\\.)*"…?/g;
const NUMBER = /(?<=^|\s)\d+(?=$|[\s,;.)])/g;

/**
 * A reason without what differs from event to event, so that a thousand events with a thousand unreadable times are one group:
 * `time: "32/Nov" is no time of the pattern …` and `time: "33/Nov" is …` have one form.
 */
export function reasonForm(reason: string): string {
  return reason.replaceAll(QUOTED, '"…"').replaceAll(NUMBER, '#');
}
