import { mix } from "./random.ts";

/*
 * AdamW's moments may be kept in bf16, whose 8 significant bits lose every change below 0.2 to 0.4 %. Rounded to
 * nearest, a second moment with beta2 = 0.999 could never shrink, and with 0.95 small changes would be lost always.
 * Rounded up with the probability that the distance to the lower neighbour asks for, moments are right on average. The
 * randomness is a hash of the update and the element, so that the same calls give the same bits.
 */

/** What the noise of one tensor in one update depends on; `update` counts from 1. */
export const roundingSeed = (update: number, tensor: number): number =>
  mix(mix(update) + Math.imul(tensor + 1, 0x9e3779b9));

/** 32 random bits for an element of a tensor: the lower half rounds the first moment, the upper half the second. */
export const roundingNoise = (seed: number, element: number): number => mix(mix(element ^ seed) + seed);

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The bf16 bits of a finite value, rounded away from zero in `noise` (0 … 65535) of 65536 parts. */
export function roundStochastically(value: number, noise: number): number {
  float[0] = value;
  return (word[0]! + noise) >>> 16;
}

/** The value of bf16 bits. */
export function fromBits(bits: number): number {
  word[0] = bits << 16;
  return float[0]!;
}
