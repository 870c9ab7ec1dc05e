// The checkpoint in reference_data/tiny, for tests to write otherwise.
//
//   Tensors tensors = TinyTensors();
//   tensors["lm_head.weight"] = Widened(tensors["model.embed_tokens.weight"]);
//   folder.Write("config.json", TinyConfig());
//   folder.Write("model.safetensors", CheckpointBytes(tensors, /*shift=*/1));
#ifndef LLUDA_ENGINE_TINY_CHECKPOINT_H_
#define LLUDA_ENGINE_TINY_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lluda::engine {

struct Stored {
  std::string dtype;  // "BF16"
  std::vector<int64_t> shape;
  std::string data;
};
using Tensors = std::map<std::string, Stored>;

Tensors TinyTensors();
std::string TinyConfig();

// The same numbers as f32: a bf16 is the upper half of one.
Stored Widened(const Stored& tensor);

// A safetensors file whose first tensor lies `shift` bytes behind a multiple of 64.
std::string CheckpointBytes(const Tensors& tensors, size_t shift);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_TINY_CHECKPOINT_H_
