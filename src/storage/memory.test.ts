import { describeObjectStore } from '../../test/contracts/object-store.ts';
import { createMemoryStore } from './memory.ts';

describeObjectStore('memory', async () => createMemoryStore());
