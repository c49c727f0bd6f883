export const setup = {
  title: 'First run',
} as const;
