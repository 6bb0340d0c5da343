import { liveTools } from './tools/suite.ts';

liveTools(15);
