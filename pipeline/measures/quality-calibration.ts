// Written by `npm run bench -- calibrate-quality`.

/** Logit of a text without a fault: the border to wrecks lies this far away. */
export const PERFECT_LOGIT = 7.0;

/** From 16677 clean documents and 4120 wrecks of 14 kinds. */
export const CALIBRATION = {
  "unlikely letter triples": { healthy: [0, 0.0233], worst: [0, 0.0457], weight: 9.07 },
  "stop words a word": { healthy: [0.0588, 0.333], worst: [0, 0.456], weight: 2.41 },
  "Polish letters a word": { healthy: [0.11, 0.596], worst: [0, 0.881], weight: 0.0 },
  "words without a letter": { healthy: [0, 0.158], worst: [0, 0.3], weight: 0.0 },
  "characters a word": { healthy: [4.59, 8.97], worst: [2.79, 11.5], weight: 5.57 },
  "different words among the first 200": { healthy: [0.425, 0.966], worst: [0.14, 1.22], weight: 6.1 },
  "words a sentence": { healthy: [3.63, 48.6], worst: [0, 84.2], weight: 3.31 },
  "commas a word": { healthy: [0, 0.188], worst: [0, 0.311], weight: 7.3 },
  "colons a sentence": { healthy: [0, 1.33], worst: [0, 2.59], weight: 3.04 },
  "capitals a letter": { healthy: [0.00749, 0.165], worst: [0, 0.296], weight: 0.0 },
  "digits a character": { healthy: [0, 0.0462], worst: [0, 0.0923], weight: 2.76 },
  "special characters a character": { healthy: [0, 0.0486], worst: [0, 0.0921], weight: 6.28 },
  "characters not of running text": { healthy: [0, 0.00373], worst: [0, 0.0137], weight: 0.0 },
  "words a line": { healthy: [4.14, 227], worst: [0, 433], weight: 0.46 },
  "short lines": { healthy: [0, 0.833], worst: [0, 1.67], weight: 2.81 },
  "one-word lines": { healthy: [0, 0.4], worst: [0, 0.8], weight: 7.41 },
  "repeated lines": { healthy: [0, 0.211], worst: [0, 0.421], weight: 0.16 },
  "blank lines": { healthy: [0, 0.499], worst: [0, 0.997], weight: 0.0 },
} as const;
