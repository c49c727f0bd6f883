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
        pathNot: [
          room('audit'),
          room('telemetry'),
          room('channel'),
          '^main/landing/(target|fleet-facts)\\.ts$',
        ],
      },
    },
    {
      name: 'recovery-reads-targets-and-offsets-and-writes-the-channel',
      comment:
        'It works where no engine runs: of landing and the Kafka source it takes what reads and fences, never what pulls or lands.',
      severity: 'error',
      from: { path: room('recovery') },
      to: {
        path: '^main/',
        pathNot: [
          room('recovery'),
          room('telemetry'),
          room('channel'),
          '^main/audit/file-content\\.ts$',
          '^main/landing/(target|written-off|fleet-facts|fleet-facts-object|file-id|stamp-or-false)\\.ts$',
          '^main/sources/kafka/(broker-connections|fence|kafka-source-settings|log-check|opening-verdict|protocol-link|source-clock|tenure-metadata)\\.ts$',
          '^main/sources/kafka/wire/pull-link\\.ts$',
        ],
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
      name: 'desktop-knows-the-engine-by-its-socket',
      comment:
        'The client of control, where the state directory is, and the clock: nothing that runs in an engine.',
      severity: 'error',
      from: { path: room('desktop') },
      to: {
        path: '^(main|renderer|test|build)/',
        pathNot: [
          room('desktop'),
          '^main/control/(control-client|socket-path)\\.ts$',
          '^main/config/state-directory\\.ts$',
          '^main/telemetry/clock\\.ts$',
        ],
      },
    },
    {
      name: 'electron-is-met-at-the-edge',
      comment: 'The entry, the adapters of its parts, and the preload; everything else takes delegates.',
      severity: 'error',
      from: { path: room('desktop'), pathNot: '^main/desktop/(desktop|electron-parts|preload)\\.ts$' },
      to: { path: '(^|node_modules/)electron(/|$)' },
    },
    {
      name: 'nobody-imports-the-desktop',
      severity: 'error',
      from: { pathNot: [room('desktop'), '^(test|build)/'] },
      to: { path: room('desktop') },
    },
    {
      name: 'renderer-knows-only-shared',
      comment: 'The proxy for work on pages is no part of the page.',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '^renderer/(vite\\.config|dev-engine-proxy)\\.ts$' },
      to: { path: '^(main|test|build)/' },
    },
    {
      name: 'renderer-has-no-node',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '^renderer/(vite\\.config|dev-engine-proxy)\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nobody-imports-the-renderer',
      severity: 'error',
      from: { pathNot: '^(renderer|test)/' },
      to: { path: '^renderer/' },
    },
    {
      name: 'widgets-know-no-page',
      severity: 'error',
      from: { path: '^renderer/(widgets|client|text)/' },
      to: { path: '^renderer/pages/' },
    },
    {
      name: 'pages-know-no-other-page',
      comment: 'What two pages need is a widget.',
      severity: 'error',
      from: { path: '^renderer/pages/([^/]+)/' },
      to: { path: '^renderer/pages/([^/]+)/', pathNot: '^renderer/pages/$1/' },
    },
    {
      name: 'editor-is-loaded-late',
      comment:
        'The editor is half a megabyte: it may only be reached through a dynamic import of its widget.',
      severity: 'error',
      from: { path: '^renderer/', pathNot: '^renderer/widgets/(yaml|diff)-[a-z-]+\\.tsx?$' },
      to: { path: 'node_modules/(@codemirror|@lezer)/' },
    },
    {
      name: 'no-dev-dependencies-in-production',
      comment: 'Electron is what the desktop runs in, not what it ships with.',
      severity: 'error',
      from: { path: '^(main|shared)/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/electron/',
      },
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
