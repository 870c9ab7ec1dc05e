// Quantised folders for tests: the matrices of reference_data/tiny quantised in one of Hugging
// Face's ways, and the same numbers as a folder of f32.
//
// It writes each tensor by the published layout, number by number, and shares nothing with the
// reader (frontends/quantised).
//
//   QuantisedFolder folder = Quantise(TinyTensors(), {"gptq", 4, /*group=*/32});
//   folder.stored;       // "...q_proj.qweight", "...qzeros", "...scales", "...g_idx"
//   folder.dequantised;  // "...q_proj.weight" in F32
#ifndef LLUDA_TESTS_SUPPORT_QUANTISED_WRITER_H_
#define LLUDA_TESTS_SUPPORT_QUANTISED_WRITER_H_

#include <cstdint>
#include <string>

#include "engine/tiny_checkpoint.h"

namespace lluda::tests {

struct QuantisedAs {
  std::string method;  // gptq, gptq_v2, awq, fp8, pack-quantized, int-quantized, float-quantized
  int bits = 4;
  int64_t group = 32;  // inputs with one scale; -1: the whole row
  int64_t block = 0;   // outputs with one scale; 0: 1, -1: all of them
  bool symmetric = true;
  std::string scales = "F16";
  bool has_order = false;    // groups are named input by input
  bool is_shuffled = false;  // and lie apart
};

struct QuantisedFolder {
  engine::Tensors stored, dequantised;
  std::string config;  // of the stored one: tiny's with a quantization_config
};

// Every "..._proj.weight" of `tensors`, which are BF16, is quantised.
QuantisedFolder Quantise(const engine::Tensors& tensors, const QuantisedAs& as);

// tiny's config with this quantization_config.
std::string ConfigWith(const std::string& quantization_config);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_QUANTISED_WRITER_H_
