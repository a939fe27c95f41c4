// Written by `npm run bench -- calibrate-quality`.

/** Logit of a text without a fault: the border to wrecks lies this far away. */
export const PERFECT_LOGIT = 6.94;

/** From 16677 clean documents and 4120 wrecks of 14 kinds. */
export const CALIBRATION = {
  "unlikely letter triples": { healthy: [0, 0.0228], worst: [0, 0.0451], weight: 9.0 },
  "stop words a word": { healthy: [0.0588, 0.333], worst: [0, 0.456], weight: 1.41 },
  "Polish letters a word": { healthy: [0.11, 0.596], worst: [0, 0.881], weight: 0.17 },
  "words without a letter": { healthy: [0, 0.158], worst: [0, 0.3], weight: 0.05 },
  "characters a word": { healthy: [4.59, 8.97], worst: [2.79, 11.5], weight: 5.92 },
  "different words among the first 200": { healthy: [0.425, 0.966], worst: [0.14, 1.22], weight: 4.62 },
  "words a sentence": { healthy: [3.63, 48.6], worst: [0, 84.2], weight: 5.04 },
  "commas a word": { healthy: [0, 0.188], worst: [0, 0.311], weight: 4.31 },
  "colons a sentence": { healthy: [0, 1.33], worst: [0, 2.59], weight: 1.1 },
  "capitals a letter": { healthy: [0.00749, 0.165], worst: [0, 0.296], weight: 3.35 },
  "digits a character": { healthy: [0, 0.0462], worst: [0, 0.0923], weight: 2.59 },
  "special characters a character": { healthy: [0, 0.0486], worst: [0, 0.0921], weight: 2.83 },
  "characters not of running text": { healthy: [0, 0.00373], worst: [0, 0.0137], weight: 0.12 },
  "words a line": { healthy: [4.14, 227], worst: [0, 433], weight: 3.97 },
  "short lines": { healthy: [0, 0.833], worst: [0, 1.67], weight: 1.47 },
  "one-word lines": { healthy: [0, 0.4], worst: [0, 0.8], weight: 4.96 },
  "repeated lines": { healthy: [0, 0.211], worst: [0, 0.421], weight: 0.94 },
  "blank lines": { healthy: [0, 0.499], worst: [0, 0.997], weight: 0.0 },
} as const;
