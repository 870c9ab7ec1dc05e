// What every function of a decoder's module is built from.
#ifndef LLUDA_FRONTENDS_DECODER_MODEL_H_
#define LLUDA_FRONTENDS_DECODER_MODEL_H_

#include <cstdint>
#include <vector>

#include "frontends/decoder/description.h"
#include "frontends/decoder/weight_table.h"
#include "frontends/precision.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// One half of a KV cache.
struct Cache {
  ir::Global* numbers = nullptr;
  ir::Global* scales = nullptr;  // of i8 numbers
};

// Keys and values of the layers that have one kind of attention.
struct KeyValueCache {
  Cache keys;
  Cache values;
};

struct Model {
  const Decoder& decoder;
  Precision precision;
  StepResult result;
  const Weights& weights;
  int64_t context;                           // positions that were asked for
  const std::vector<KeyValueCache>& caches;  // of each of the decoder's attentions
  ir::Module* module;
  bool record_activations;
  bool record_inputs;
  Activations activations;
  bool partial_head;
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_MODEL_H_
