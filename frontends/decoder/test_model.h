// A Qwen3 model small enough to read, for tests.
#ifndef LLUDA_FRONTENDS_DECODER_TEST_MODEL_H_
#define LLUDA_FRONTENDS_DECODER_TEST_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "frontends/checkpoint/tensor_info.h"
#include "frontends/decoder/description/description.h"
#include "frontends/decoder/description/import_options.h"

namespace lluda::frontends::decoder {

// Two layers, two key-value heads with two query heads each, 32 tokens, a context of 100.
Decoder ToyDecoder();

// The tensors of such a checkpoint, by name, `lm_head.weight` included.
std::map<std::string, TensorInfo> ToyTensors(ir::DType dtype);

// T and R to 16, S to 4, with these tensors.
ImportOptions ToyOptions(std::map<std::string, TensorInfo> tensors);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_TEST_MODEL_H_
