/** What stands in empty fields: examples in the language of the file, the same for every reader. */
export const EXAMPLES = {
  brokers: 'kafka1:9092, kafka2:9092',
  passwordFile: '/etc/headgate/kafka.pw',
  topicsRegex: String.raw`www\..*`,
  firstNamenode: 'http://nn1:9870',
  secondNamenode: 'http://nn2:9870',
  httpfs: 'http://gateway:14000',
  filePrefix: 'FlumeData',
  regex: String.raw`\[([^\]]+)\]`,
  pattern: 'dd/MMM/yyyy:HH:mm:ss Z',
} as const;
