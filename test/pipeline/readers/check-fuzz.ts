import { fuzzReaders } from "./fuzz.ts";

/** `npm run check:fuzz`: what is too long for every `npm test`. */
fuzzReaders({ inputs: 2000, seed: 20 });
