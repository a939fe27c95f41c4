import { setFlagsFromString } from "node:v8";
import { type FoundAddon, loadAddon } from "../../native/load.ts";

/** What pipeline/runtime/native/allocator.cpp exports. Only glibc can do it; with others both return false. */
interface Allocator {
  mapLargeBlocks(): boolean;
  returnFreePages(): boolean;
}

let allocator: FoundAddon<Allocator> | undefined;

function findAllocator(): Allocator | undefined {
  allocator ??= loadAddon<Allocator>("allocator", "pipeline/runtime/native");
  return "addon" in allocator ? allocator.addon : undefined;
}

/**
 * Keeps a long run of this process from taking more memory the longer it runs. To be called before its workers start.
 *
 * - V8's young heaps double whenever as much as they hold has lived on, sooner or later up to 48 MB each, and what lies
 *   dead in them holds as much memory outside. From here on they stay as they are: the main thread's at the few megabytes
 *   that it needs to start, a worker's at its limit (`youngHeapMegabytes`).
 * - V8 lets the old heap grow to several times what lived in it before it looks for what died: in a worker, a megabyte more
 *   for every 40 MB of input (2026-11). From here on it looks at 32 MB, and at one and a half times what lived; that took
 *   no more time.
 * - glibc maps no block on its own any more that is smaller than the largest one freed so far, and what is freed between
 *   two that live stays: 60 to 100 MB after some minutes (2026-11). From here on blocks of 4 MB are mapped on their own,
 *   which return when they are freed. At 128 KiB, its own first choice, ingest took 50 MB less at its peak and a fifth more
 *   time: every block is zeroed page by page again (400 MB of input, one worker, one run each).
 */
export function holdMemory(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--min-semi-space-size=16"); // a worker's limit, if it is less
  setFlagsFromString("--initial-old-space-size=32");
  setFlagsFromString("--heap-growing-percent=50");
  findAllocator()?.mapLargeBlocks();
}

/** Returns the pages to the system that small blocks left. Takes 3 ms: to be called every few seconds of work. */
export function returnFreePages(): void {
  findAllocator()?.returnFreePages();
}
