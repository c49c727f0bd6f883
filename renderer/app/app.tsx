/** The whole page: theme, language, connection, shell. */
import { MantineProvider } from '@mantine/core';
import { useColorScheme } from '@mantine/hooks';
import { Notifications } from '@mantine/notifications';
import { useEffect } from 'react';
import type { EngineClient } from '../client/engine-client.ts';
import { EngineProvider } from '../client/engine-context.tsx';
import { changeLanguage } from '../text/languages.ts';
import { usePreferences } from './preferences.ts';
import { Shell } from './shell.tsx';
import { theme } from './theme.ts';

export interface AppProps {
  readonly client: EngineClient;
  /** Of this response's content security policy: every style element that is made carries it. */
  readonly nonce: string;
}

export function App({ client, nonce }: AppProps) {
  const { scheme, language } = usePreferences();
  const ofSystem = useColorScheme('light', { getInitialValueInEffect: false });
  useEffect(() => {
    void changeLanguage(language);
  }, [language]);
  return (
    <MantineProvider
      theme={theme}
      forceColorScheme={scheme === 'auto' ? ofSystem : scheme}
      getStyleNonce={() => nonce}
    >
      <Notifications position="bottom-right" limit={4} />
      <EngineProvider client={client}>
        <Shell />
      </EngineProvider>
    </MantineProvider>
  );
}
