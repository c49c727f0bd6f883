/** Names that both ends of the desktop's bridge use; apart from the contract, so that the preload bundles no schema. */

export const BRIDGE_CHANNELS = { call: 'headgate:call', subscribe: 'headgate:subscribe' } as const;
/** Where the console is loaded from: the only origin that is answered. */
export const CONSOLE_ORIGIN = 'app://headgate';
