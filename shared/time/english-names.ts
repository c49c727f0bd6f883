/** English names as Java's `Locale.ENGLISH` prints them; Flume's patterns and escapes are read with these, whatever the machine's language. */

export const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** Monday first, as ISO 8601 counts. */
export const WEEKDAY_NAMES = [
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
  'Sunday',
] as const;

/** All short names have three letters. */
export const SHORT_NAME_LETTERS = 3;
