/** The rooms and who may import whom: docs/architecture.md holds the same list in words. */
const room = (name) => `^main/${name}/`;
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'shared-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^(main|renderer|test|build)/' },
    },
    {
      name: 'shared-has-no-node',
      severity: 'error',
      from: { path: '^shared/' },
      to: { dependencyTypes: ['core'] },
    },
    ...['sources', 'interceptors', 'channel', 'landing'].map((name) => ({
      name: `${name}-stands-alone`,
      severity: 'error',
      from: { path: room(name) },
      to: { path: '^main/', pathNot: [room(name), room('telemetry')] },
    })),
    {
      name: 'sinks-implement-the-target-of-landing',
      comment:
        'A sink implements the interface that landing declares; it may import that type and nothing else of landing.',
      severity: 'error',
      from: { path: room('sinks') },
      to: { path: '^main/', pathNot: [room('sinks'), room('telemetry'), '^main/landing/target\\.ts$'] },
    },
    {
      name: 'config-stands-alone',
      severity: 'error',
      from: { path: room('config') },
      to: { path: '^main/', pathNot: [room('config'), room('telemetry')] },
    },
    {
      name: 'telemetry-stands-alone',
      severity: 'error',
      from: { path: room('telemetry') },
      to: { path: '^main/', pathNot: room('telemetry') },
    },
    {
      name: 'audit-reads-the-channel-and-targets',
      severity: 'error',
      from: { path: room('audit') },
      to: {
        path: '^main/',
        pathNot: [room('audit'), room('telemetry'), room('channel'), '^main/landing/target\\.ts$'],
      },
    },
    {
      name: 'control-knows-only-the-engine-interface',
      severity: 'error',
      from: { path: room('control') },
      to: { path: '^main/', pathNot: [room('control'), room('telemetry')] },
    },
    {
      name: 'nobody-imports-the-cli',
      severity: 'error',
      from: { pathNot: [room('cli'), '^test/'] },
      to: { path: room('cli') },
    },
    {
      name: 'production-imports-no-tests',
      severity: 'error',
      from: { path: '^(main|shared)/', pathNot: '^main/cli/demo' },
      to: { path: '^test/' },
    },
    {
      name: 'only-desktop-imports-electron',
      severity: 'error',
      from: { pathNot: room('desktop') },
      to: { path: 'node_modules/electron' },
    },
    {
      name: 'no-dev-dependencies-in-production',
      severity: 'error',
      from: { path: '^(main|shared)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
