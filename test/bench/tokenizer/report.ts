import { readFileSync } from "node:fs";
import { formatTable } from "../../../pipeline/runtime/table.ts";

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Prints a table and an empty line. */
export function printTable(rows: readonly (readonly (string | number)[])[]): void {
  print(`${formatTable(rows.map((row) => [...row]))}\n`);
}

/** Version of an installed package. */
export function versionOf(name: string): string {
  const path = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
