import { pino } from 'pino';
import { startGateway } from '../src/main.ts';
import { nullLog } from './null-log.ts';

// bench/gateway-without-evidence.ts FILE: the gateway as it is, but for a log that keeps nothing.
const gateway = await startGateway(process.argv[2] ?? '', pino({ base: null }), { openLog: () => Promise.resolve(nullLog()) });
process.on('SIGTERM', () => void gateway.stop().then(() => process.exit(0)));
