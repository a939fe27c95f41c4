/** The addons: `folder` has the C++, all `.cpp` files of its `parts` are compiled into `folder`/build/`name`.node. */
export const addons = [
  // The host side of the cuda backend takes no CUDA toolkit: it opens the driver at run time.
  { name: "cpu", folder: "model/native", parts: [".", "cuda/host"] },
  { name: "tokenizer", folder: "tokenizer/native", parts: ["."] },
];
