/** The content security policy forbids `new Function`; zod would try it once per page and the browser would report it. Import this first. */
import { z } from 'zod';

z.config({ jitless: true });
