/**
 * An input file that cannot be read on: cut off, damaged, or not what its name says.
 * Thrown by the readers without the file's name, which the caller knows and adds.
 */
export class CorruptInput extends Error {
  override readonly name = "CorruptInput";
}
