/** The device's side of recording. */
export interface RecordingDevice {
  /** What is enqueued from now on is recorded instead of run. */
  begin(): void;
  end(): void;
  /** Enqueues what was recorded last. */
  replay(): void;
}

export interface Recorder {
  /** See `Backend.repeat`. */
  repeat(key: readonly unknown[], enqueue: () => void): void;
  /** Records anew next time: after a failure, nobody knows what the device holds. */
  forget(): void;
}

/**
 * Runs a key's operations directly the first time, which loads kernels and allocates scratch memory, records them the
 * second time, and from then on repeats the recording.
 */
export function createRecorder({ begin, end, replay }: RecordingDevice): Recorder {
  let last: { readonly key: readonly unknown[]; recorded: boolean } | undefined;
  const isLast = (key: readonly unknown[]) =>
    last?.key.length === key.length && last.key.every((part, index) => Object.is(part, key[index]));

  return {
    repeat(key, enqueue) {
      if (last === undefined || !isLast(key)) {
        last = { key: [...key], recorded: false };
        enqueue();
        return;
      }
      if (!last.recorded) {
        begin();
        try {
          enqueue();
        } finally {
          end();
        }
        last.recorded = true;
      }
      replay();
    },
    forget() {
      last = undefined;
    },
  };
}
