// The C header beside an object file that holds a model's step.
//
//   CHeader("qwen3", {.context = 4096, ...})   // declares qwen3_step, defines QWEN3_CONTEXT, ...
#ifndef LLUDA_ENGINE_COMPILE_C_HEADER_H_
#define LLUDA_ENGINE_COMPILE_C_HEADER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace lluda::engine {

// Sizes in bytes unless they say otherwise.
struct CInterface {
  int64_t context = 0;   // tokens
  int64_t max_step = 0;  // tokens
  int64_t max_back = 0;  // tokens that may be computed anew, of a text that was longer
  int64_t vocabulary = 0;
  int64_t weights_offset = 0;  // in the bundle
  int64_t weights_bytes = 0;
  int64_t state_bytes = 0;
  int64_t frame_bytes = 0;
  int64_t scratch_bytes = 0;
  std::string cpu_features;  // for the reader, separated by commas
};

// A name of C: other characters than letters, digits and _ become _.
std::string CName(absl::string_view text);

// The header's text; `name` is a name of C.
std::string CHeader(const std::string& name, const CInterface& interface);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_COMPILE_C_HEADER_H_
