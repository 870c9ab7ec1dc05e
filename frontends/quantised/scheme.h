// How the weights of a Hugging Face folder are quantised: `quantization_config` of its config.json.
//
// Every field is used, ignored or refused, as tables say (docs/model_files.md shows them); a field
// that is in none is refused unless it asks for nothing:
//
//   config.json: field 'quantization_config.quant_method' asks for 'bitsandbytes', which is not supported
//
// Example:
//   absl::StatusOr<std::optional<Scheme>> scheme = ReadScheme(document->root());
//   (*scheme)->layout;  // kGptq; nullopt for a folder that is not quantised
#ifndef LLUDA_FRONTENDS_QUANTISED_SCHEME_H_
#define LLUDA_FRONTENDS_QUANTISED_SCHEME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/json/json.h"
#include "frontends/field_table.h"

namespace lluda::frontends::quantised {

// In which tensors the numbers of a matrix lie.
enum class Layout : uint8_t {
  kGptq,            // qweight, qzeros, scales, g_idx
  kAwq,             // qweight, qzeros, scales
  kPackQuantized,   // weight_packed, weight_scale, weight_shape, perhaps weight_zero_point
  kIntQuantized,    // weight of I8, weight_scale, perhaps weight_zero_point
  kFloatQuantized,  // weight of F8_E4M3, weight_scale
  kFp8,             // weight of F8_E4M3, weight_scale_inv
};

struct Scheme {
  Layout layout = Layout::kGptq;
  std::string name;  // what messages call it: "gptq"
  int bits = 8;
  // The inputs, and the outputs, that share a scale; 0: all of a row, of a column.
  int64_t group = 0;
  int64_t group_rows = 1;
  bool symmetric = true;       // no zero points but the middle
  bool zero_less_one = false;  // zero points are stored less 1
  bool has_order = false;      // groups are of any inputs, which a tensor tells
  // Modules that are not quantised, as the config names them.
  std::vector<std::string> kept;
};

// What `root`, of a config.json, or its `text_config` says; nullopt if it says nothing. Unimplemented
// for what is not supported, InvalidArgument for what is malformed.
absl::StatusOr<std::optional<Scheme>> ReadScheme(const base::JsonObject& root);

// Whether the config names this module, or one that it lies in, as one that is not quantised. An expression
// ("re:.*up_proj") names the modules whose names begin as it says; one of more than characters, dots and
// stars names none.
bool IsKept(const Scheme& scheme, absl::string_view module);

// The tables, and what the document calls the objects that they are of.
struct SchemeFields {
  const char* object;  // "`quantization_config` of `gptq`"
  absl::Span<const FieldRow> fields;
};
absl::Span<const SchemeFields> AllSchemeFields();

}  // namespace lluda::frontends::quantised

#endif  // LLUDA_FRONTENDS_QUANTISED_SCHEME_H_
