import './client/zod-without-eval.ts';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app/theme.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { preferences } from './app/preferences.ts';
import { chooseClient } from './client/choose-client.ts';
import { startLanguages } from './text/languages.ts';
import { readNonce } from './app/nonce.ts';

const nonce = readNonce();
startLanguages(preferences().language);
const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root element');
createRoot(root).render(
  <StrictMode>
    <App client={chooseClient()} nonce={nonce} />
  </StrictMode>,
);
