import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import type { Backend } from "../../model/backend.ts";
import { type CudaBackend, cudaUnavailable } from "../../model/backends/cuda.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { emulatedCard } from "./emulator/card.ts";

/** The cuda backend on the CPU harness, which stands in for NVIDIA's driver. */
const { missing, library, open: openEmulated } = await emulatedCard();

describe("the cuda backend", { skip: missing ?? false }, () => {
  const column = (backend: Backend, values: readonly number[]) => {
    const buffer = backend.create({ name: "ids", dtype: "i32", rows: values.length, columns: 1 });
    backend.write(buffer, Int32Array.from(values));
    return buffer;
  };
  const floats = (backend: Backend, rows: number, columns: number) =>
    backend.create({ name: "floats", dtype: "f32", rows, columns });
  const using = async (body: (backend: CudaBackend) => Promise<void>) => {
    const backend = await openEmulated();
    await body(backend);
    await backend.close();
  };

  it("gives freed memory back, and all of it when closed", async () => {
    let atFirst = 0;
    await using(async (backend) => {
      atFirst = backend.memoryBytes;
      const before = await backend.allocatedBytes();
      for (let i = 0; i < 20; i++) backend.free(floats(backend, 1000, 1000));
      floats(backend, 1, 8); // Allocating gives back what was freed before.
      assert.equal(await backend.allocatedBytes(), before + 32);
    });
    await using(async (backend) => assert.equal(backend.memoryBytes, atFirst));
  });

  it("takes as much memory as it plans for a buffer, a vocabulary of 31,980 as 32,000", () =>
    using(async (backend) => {
      const shapes = [
        [31_980, 16, 32_000 * 16],
        [16, 31_980, 16 * 32_000],
        [1023, 1, 1023 * 8],
        [5, 13, 5 * 16],
      ] as const;
      for (const [rows, columns, elements] of shapes) {
        const spec = { name: "x", dtype: "bf16", rows, columns } as const;
        const before = await backend.allocatedBytes();
        backend.create(spec);
        assert.equal((await backend.allocatedBytes()) - before, 2 * elements);
        assert.equal(backend.bufferBytes(spec), 2 * elements);
      }
    }));

  it("writes and reads matrices larger than its pieces, padded or not", () =>
    using(async (backend) => {
      for (const [rows, columns] of [
        [700, 333],
        [3, 100_003],
        [1, 1],
      ] as const) {
        const values = Float32Array.from({ length: rows * columns }, (_, i) => i % 251);
        for (const dtype of ["f32", "bf16"] as const) {
          const buffer = backend.create({ name: "x", dtype, rows, columns });
          backend.write(buffer, values);
          assert.deepEqual(await backend.read(buffer), values);
        }
      }
    }));

  it("leaves the event loop free while it computes", () =>
    using(async (backend) => {
      const [a, b, out] = [floats(backend, 400, 400), floats(backend, 400, 400), floats(backend, 400, 400)];
      for (let i = 0; i < 4; i++) backend.matmul({ a, b, out, transposition: "nt" });
      let [turns, computing] = [0, true];
      const done = backend.read(out).then(() => {
        computing = false;
      });
      while (computing) {
        await new Promise((resolve) => setImmediate(resolve));
        turns += 1;
      }
      await done;
      assert.ok(turns > 20, `${turns} turns of the event loop`);
    }));

  it("reports ids outside the vocabulary at the next read and then goes on, also in a recording", () =>
    using(async (backend) => {
      const [weight, out] = [floats(backend, 3, 2), floats(backend, 2, 2)];
      const ids = column(backend, [0, 2]);
      const lookUp = () => backend.repeat([ids], () => backend.embedding({ ids, weight, out }));
      for (let i = 0; i < 3; i++) lookUp();
      await backend.read(out);
      backend.write(ids, Int32Array.of(1, 3));
      lookUp();
      await assert.rejects(backend.read(out), /3 is not in 0…2/);
      backend.write(ids, Int32Array.of(1, 1));
      for (let i = 0; i < 3; i++) lookUp();
      backend.write(out, Float32Array.of(1, 2, 3, 4));
      assert.deepEqual(await backend.read(out), Float32Array.of(1, 2, 3, 4));
    }));

  it("says how much memory is missing", () =>
    using(async (backend) => {
      floats(backend, 100_000, 100_000);
      await assert.rejects(backend.read(floats(backend, 1, 1)), /out of device memory: 40076836864 bytes/);
    }));

  it("does not write while it records", () =>
    using(async (backend) => {
      const x = floats(backend, 1, 1);
      const bad = () => backend.repeat([x], () => backend.write(x, Float32Array.of(1)));
      bad();
      bad();
      await assert.rejects(backend.read(x), /nothing can be written while operations are recorded/);
      assert.deepEqual(await backend.read(x), Float32Array.of(1));
    }));

  it("refuses shapes and types that do not fit before native code sees them", () =>
    using(async (backend) => {
      const [x, narrow] = [floats(backend, 2, 4), floats(backend, 2, 3)];
      assert.throws(() => backend.matmul({ a: x, b: narrow, out: x, transposition: "nt" }), /do not give/);
      const fused = { x, weight: narrow, gateUp: x, out: narrow };
      assert.throws(() => backend.matmulSwiglu(fused), /do not give/);
      assert.throws(() => backend.write(x, Float32Array.of(1)), /8 elements, 1 written/);
      assert.throws(() => backend.zero(createReferenceBackend().create(x)), /a buffer of another backend/);
    }));

  it("is not there without a driver, a device, a card or a driver new enough, and says so", () => {
    assert.match(
      cudaUnavailable({ library: "no-such-driver.so" }) ?? "",
      /^no NVIDIA driver: no-such-driver\.so/,
    );
    const file = JSON.stringify(new URL("../../model/backends/cuda.ts", import.meta.url).href);
    const script = `import { cudaUnavailable } from ${file};
      console.log(cudaUnavailable({ library: ${JSON.stringify(library)} }) ?? "available");`;
    const cases: [setting: Record<string, string>, expected: RegExp][] = [
      [{ INIT: "100" }, /^the NVIDIA driver cannot be used: .*CUDA error 100/],
      [{ DEVICES: "0" }, /^the NVIDIA driver finds no GPU$/],
      [{ CAPABILITY: "75" }, /has compute capability 7\.5; bf16 tensor cores need 8\.0/],
      [{ DRIVER: "11080" }, /^the NVIDIA driver supports CUDA 11\.8, the kernels .* need 12\.0: install/],
      [{ CAPABILITY: "110", DRIVER: "12040" }, /supports CUDA 12\.4, the kernels .* need 12\.9: install/],
      [{ CAPABILITY: "120" }, /^available$/],
    ];
    for (const [setting, expected] of cases) {
      const env = Object.fromEntries(
        Object.entries(setting).map(([key, value]) => [`APT3_EMULATOR_${key}`, value]),
      );
      const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
        encoding: "utf8",
        env: { ...process.env, ...env },
      });
      assert.match(stdout.trim(), expected, stderr);
    }
  });

  it("does not keep the process alive when nothing is awaited", () => {
    const file = JSON.stringify(new URL("../../model/backends/cuda.ts", import.meta.url).href);
    const script = `import { createCudaBackend } from ${file};
      const backend = await createCudaBackend({ library: ${JSON.stringify(library)}, kernels: [new Uint8Array(1)] });
      const x = backend.create({ name: "x", dtype: "f32", rows: 1, columns: 1 });
      await backend.read(x);
      backend.zero(x);
      console.log("ends");`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.equal(stdout, "ends\n");
  });
});
