// The functions of a Qwen3 module, built op by op.
#ifndef LLUDA_FRONTENDS_QWEN3_LAYERS_H_
#define LLUDA_FRONTENDS_QWEN3_LAYERS_H_

#include "absl/status/status.h"
#include "frontends/qwen3/config.h"
#include "frontends/qwen3/import.h"
#include "frontends/qwen3/weights.h"
#include "ir/graph.h"

namespace lluda::frontends::qwen3 {

// One half of the KV cache.
struct Cache {
  ir::Global* numbers = nullptr;
  ir::Global* scales = nullptr;  // of i8 numbers
};

// What every function of the model is built from.
struct Model {
  const Config& config;
  Precision precision;
  const Weights& weights;
  Cache k_cache;
  Cache v_cache;
  ir::Module* module;
  bool record_activations;
};

// Adds @attn, @mlp, @logits and @step, in this order.
absl::Status AddFunctions(const Model& model);

}  // namespace lluda::frontends::qwen3

#endif  // LLUDA_FRONTENDS_QWEN3_LAYERS_H_
