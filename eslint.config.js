import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'node_modules',
      '.cache',
      'dist',
      'coverage',
      '*.config.js',
      '*.config.ts',
      '*.cjs',
      'renderer/vite.config.ts',
      'renderer/dev-engine-proxy.ts',
      'bin',
      'build/*.js',
    ],
  },
  eslint.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      // An async method that needs no await yet still keeps an interface's promise.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-control-regex': 'off',
      eqeqeq: 'error',
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 3],
      'no-console': 'error',
    },
  },
  {
    files: ['renderer/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-syntax': [
        'error',
        // Every word comes from renderer/text, so that both languages have it.
        {
          selector: 'JSXText[value=/\\p{L}{2,}/u]',
          message: 'Put the words into renderer/text and use t().',
        },
        {
          selector:
            'JSXAttribute[name.name=/^(title|label|placeholder|description|alt|aria-label)$/] > Literal[value=/\\p{L}{2,}/u]',
          message: 'Put the words into renderer/text and use t().',
        },
        // What comes from outside is text, never HTML.
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: 'Nothing is drawn as HTML.',
        },
        {
          selector: 'MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML|srcdoc)$/]',
          message: 'Nothing is drawn as HTML.',
        },
        // The content security policy refuses them.
        { selector: "JSXOpeningElement[name.name='style']", message: 'Use a CSS module.' },
      ],
      // React hands over handlers that may be async; their errors are kept by useAction.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    // The client's room alone speaks to the engine.
    files: ['renderer/**/*.{ts,tsx}'],
    ignores: ['renderer/client/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource'].map((name) => ({
          name,
          message: 'Use useCall or useAction: renderer/client alone speaks to the engine.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { property: 'headgate', message: 'renderer/client alone speaks to the engine.' },
      ],
    },
  },
  {
    files: ['renderer/pages/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-properties': [
        'error',
        { property: 'headgate', message: 'renderer/client alone speaks to the engine.' },
        {
          object: 'Date',
          property: 'now',
          message: 'Use useEngineNow: the clock of this machine may be wrong.',
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'build/**/*.ts', 'main/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // A test file's describe() is one long function by nature; steps inside are the unit that is read.
    files: ['test/**/*.{ts,tsx}'],
    rules: { 'max-lines-per-function': 'off', 'max-params': 'off' },
  },
);
