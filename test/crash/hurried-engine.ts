/** An engine as a process of its own that waits for nothing longer than a moment, to be killed at a crash point. Argument: the configuration. */
import { readConfigFile } from '../../main/config/config-file.ts';
import { startEngine } from '../../main/engine/engine.ts';
import { createLogger } from '../../main/telemetry/logger.ts';
import { HURRIED_CLOCK } from '../engine/file-gateway.ts';

const log = createLogger({ level: 'info', nowMs: () => HURRIED_CLOCK.nowMs() });
const loaded = await readConfigFile(process.argv[2] ?? '');
await startEngine({ loaded, log, clock: HURRIED_CLOCK });
