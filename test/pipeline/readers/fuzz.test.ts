import { fuzzReaders } from "./fuzz.ts";

/** A taste; `npm run check:fuzz` has 2,000 inputs for each format, made by another seed. */
fuzzReaders({ inputs: 150, seed: 21 });
