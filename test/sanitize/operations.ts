import { createCpuBackend } from "../../model/backends/cpu.ts";
import { createInputs, operationCases } from "../model/operations.ts";

/*
 * Runs under the sanitizers (see run.ts): every operation in every instruction set and element type, failures in between,
 * buffers freed while work on them is queued, and a backend closed with work left. The sanitizers end the process at the
 * first error; results are checked elsewhere.
 */

for (const instructionSet of process.argv.slice(2)) {
  const backend = createCpuBackend({ variant: "sanitize", instructionSet, threads: 3 });
  for (const operation of operationCases) {
    for (const compute of backend.computeTypes) {
      const written = operation.run(backend, createInputs(backend, operation.name, compute));
      await Promise.all(written.map((buffer) => backend.read(buffer)));
      for (const buffer of written) {
        backend.zero(buffer);
        backend.free(buffer);
      }
    }
  }
  const [ids, weight, out] = [
    backend.create({ name: "ids", dtype: "i32", rows: 1, columns: 1 }),
    backend.create({ name: "weight", dtype: "f32", rows: 2, columns: 3 }),
    backend.create({ name: "out", dtype: "f32", rows: 1, columns: 3 }),
  ];
  backend.write(ids, Int32Array.of(2));
  backend.embedding({ ids, weight, out });
  const failed = await backend.read(out).then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error("a token id outside the vocabulary was not reported");
  backend.embedding({ ids, weight, out });
  await backend.close().catch(() => undefined);
  process.stdout.write(`${instructionSet}: ${operationCases.length} operations without a finding\n`);
}
