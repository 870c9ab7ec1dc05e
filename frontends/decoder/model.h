// What every function of a decoder's module is built from.
#ifndef LLUDA_FRONTENDS_DECODER_MODEL_H_
#define LLUDA_FRONTENDS_DECODER_MODEL_H_

#include <cstdint>

#include "frontends/decoder/description.h"
#include "frontends/decoder/weight_table.h"
#include "frontends/precision.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// One half of the KV cache.
struct Cache {
  ir::Global* numbers = nullptr;
  ir::Global* scales = nullptr;  // of i8 numbers
};

struct Model {
  const Decoder& decoder;
  Precision precision;
  StepResult result;
  const Weights& weights;
  int64_t context;  // positions that were asked for
  Cache k_cache;
  Cache v_cache;
  ir::Module* module;
  bool record_activations;
  Activations activations;
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_MODEL_H_
