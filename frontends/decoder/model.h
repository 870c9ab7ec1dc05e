// What every function of a decoder's module is built from.
#ifndef LLUDA_FRONTENDS_DECODER_MODEL_H_
#define LLUDA_FRONTENDS_DECODER_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "frontends/decoder/description/description.h"
#include "frontends/decoder/weights/layer_groups.h"
#include "frontends/decoder/weights/weights.h"
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

// A function of layers that are of one kind, and of one group.
struct AttentionFunction {
  std::string name;
  const Attention& attention;
  const LayerGroup& group;
  KeyValueCache caches;
};
struct MlpFunction {
  std::string name;
  const LayerGroup& group;  // whose copies say whether it has experts
};

struct Model {
  const Decoder& decoder;
  Precision precision;
  StepResult result;
  const Weights& weights;  // those that exist once
  int64_t context;         // positions that were asked for
  std::vector<AttentionFunction> attentions;
  std::vector<MlpFunction> mlps;
  ir::Module* module;
  bool record_activations;
  bool record_inputs;
  Activations activations;
  bool partial_head;
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_MODEL_H_
