export const landings = {
  title: 'Landings',
} as const;
