/** The look: dense, calm, one accent, system fonts. Colours of states are in theme.css, for both schemes. */
import {
  ActionIcon,
  Button,
  Checkbox,
  createTheme,
  Drawer,
  Menu,
  Modal,
  NativeSelect,
  NumberInput,
  PasswordInput,
  SegmentedControl,
  Select,
  Switch,
  Tabs,
  Textarea,
  TextInput,
  Tooltip,
  type MantineColorsTuple,
} from '@mantine/core';

const tide: MantineColorsTuple = [
  '#e9f5f8',
  '#d3e8ee',
  '#a6d0dd',
  '#76b7cb',
  '#4fa1bb',
  '#3793b0',
  '#1f7f9d',
  '#136b87',
  '#0f5d75',
  '#0a4a5e',
];

/** Slightly blue greys; `dark` is what Mantine takes for the dark scheme. */
const gray: MantineColorsTuple = [
  '#f7f8f9',
  '#eff1f3',
  '#e3e7ea',
  '#d3d9de',
  '#b6bfc7',
  '#8c98a3',
  '#64717d',
  '#4a5661',
  '#333d46',
  '#20282f',
];
const dark: MantineColorsTuple = [
  '#d5dbe0',
  '#b3bcc4',
  '#8d98a2',
  '#66717c',
  '#3c464f',
  '#2d363e',
  '#222a31',
  '#1a2127',
  '#141a1f',
  '#0f1418',
];

const SANS =
  "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif";
const MONO = "ui-monospace, 'Cascadia Mono', 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";

const compact = { defaultProps: { size: 'xs' } } as const;

/** Mantine's dialogs have a header element, which outside of an article is the banner of the whole page. */
const headerIsNoBanner = { header: { role: 'group' } };

export const theme = createTheme({
  colors: { tide, gray, dark },
  primaryColor: 'tide',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  luminanceThreshold: 0.32,
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  lineHeights: { xs: '1.35', sm: '1.4', md: '1.45', lg: '1.5', xl: '1.5' },
  spacing: { xs: '0.375rem', sm: '0.5rem', md: '0.75rem', lg: '1rem', xl: '1.5rem' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.125rem', lineHeight: '1.4' },
      h2: { fontSize: '0.9375rem', lineHeight: '1.4' },
      h3: { fontSize: '0.8125rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 'md' } }),
    Button: Button.extend(compact),
    Checkbox: Checkbox.extend(compact),
    Menu: Menu.extend({ defaultProps: { shadow: 'md', withinPortal: true } }),
    Drawer: Drawer.extend({ defaultProps: { attributes: headerIsNoBanner } }),
    Modal: Modal.extend({
      defaultProps: {
        attributes: headerIsNoBanner,
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
      },
    }),
    NativeSelect: NativeSelect.extend(compact),
    NumberInput: NumberInput.extend(compact),
    PasswordInput: PasswordInput.extend(compact),
    SegmentedControl: SegmentedControl.extend(compact),
    Select: Select.extend(compact),
    Switch: Switch.extend(compact),
    Tabs: Tabs.extend({ defaultProps: { keepMounted: false } }),
    Textarea: Textarea.extend(compact),
    TextInput: TextInput.extend(compact),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: true, multiline: true, maw: 420 } }),
  },
});
