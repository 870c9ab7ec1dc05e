// How a model's makers want text to be sampled from it: generation_config.json.
//
// The file may be absent, and so may each of its fields; then Hugging Face's defaults hold, which
// are this struct's initial values. Token ids that it lacks come from config.json, as there. Null
// is the same as absent. Fields that lluda has no use for are ignored.
//
//   generation_config.json: field 'top_p' must be a number above 0 and at most 1, is 1.5
#ifndef LLUDA_FRONTENDS_GENERATION_CONFIG_H_
#define LLUDA_FRONTENDS_GENERATION_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace lluda::frontends {

struct FieldRow;

struct GenerationConfig {
  bool do_sample = false;              // false: always the most probable token
  double temperature = 1.0;            // 0 and above; 0 is the most probable token again
  int64_t top_k = 50;                  // the k most probable tokens; 0: all
  double top_p = 1.0;                  // above 0, at most 1; 0 in the file: the most probable token
  double min_p = 0.0;                  // 0 to 1
  double repetition_penalty = 1.0;     // above 0; 1: none
  std::vector<int64_t> eos_token_ids;  // any of them ends the text
  // What a user should be told of the file, a line each.
  std::vector<std::string> notes;
};

// Every field of generation_config.json that lluda knows. One that is refused there gets a note.
absl::Span<const FieldRow> GenerationFields();

// Reads generation_config.json and config.json in `folder`. InvalidArgument if a field of one has
// the wrong type or is out of range; it is no error if a file is not there.
absl::StatusOr<GenerationConfig> LoadGenerationConfig(const std::string& folder);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_GENERATION_CONFIG_H_
