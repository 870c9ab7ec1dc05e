// The families of models that lluda runs, and what a config.json of theirs describes.
//
// A family is a row: family.h says what is in one, and each has a file of its own (llama.cc). Reads
// what transformers 4 wrote (torch_dtype, rope_theta, rope_scaling) and what transformers 5 writes
// (dtype, rope_parameters). A config that asks for something that is not built is refused by name
// rather than computed wrongly; config_fields.h knows every field:
//
//   config.json: field 'rope_scaling.rope_type' asks for 'yarn', which is not supported
//   config.json: field 'num_key_value_heads' must divide num_attention_heads, 16, is 3
//   config.json: field 'model_type' asks for 'gpt2', which is not supported; the families are ...
//
// Example:
//   absl::StatusOr<decoder::Decoder> decoder = families::LoadConfig("Qwen3-0.6B");
#ifndef LLUDA_FRONTENDS_FAMILIES_FAMILIES_H_
#define LLUDA_FRONTENDS_FAMILIES_FAMILIES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/decoder/description/description.h"

namespace lluda::frontends::families {

// Reads config.json in `folder`: NotFound if there is none, InvalidArgument if it is malformed or
// contradicts itself, Unimplemented if it asks for something unsupported. All products of two sizes
// and of all sizes of one tensor fit int64_t with room to spare.
absl::StatusOr<decoder::Decoder> LoadConfig(const std::string& folder);

// The same from a config's text, which errors call `label`.
absl::StatusOr<decoder::Decoder> ParseConfig(const std::string& label, absl::string_view text);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_FAMILIES_H_
