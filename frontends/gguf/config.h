// The keys of a GGUF file as the config.json that its family's reader reads.
//
//   absl::StatusOr<ConfigText> config = ConfigOf(metadata, architecture, {151936, true});
//   config->json   // {"model_type": "qwen3", "hidden_size": 1024, ...}
#ifndef LLUDA_FRONTENDS_GGUF_CONFIG_H_
#define LLUDA_FRONTENDS_GGUF_CONFIG_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/gguf/architectures.h"
#include "frontends/gguf/file/metadata.h"

namespace lluda::frontends::gguf {

// What the tensors say and the keys do not.
struct TensorFacts {
  int64_t vocabulary = 0;  // rows of the embedding
  bool tied_head = false;
  // What the frequencies of longrope are divided by, one for each pair; empty where there are none.
  std::vector<float> short_factors{};
  std::vector<float> long_factors{};
};

struct ConfigText {
  std::string json;
  // The fields, and the keys that they come from.
  std::vector<std::pair<std::string, std::string>> keys;
};

// The row of the file's architecture. Unimplemented if there is none, or if the file holds
// something else than a model.
absl::StatusOr<const Architecture*> ArchitectureOf(const Metadata& metadata);

// Unimplemented, naming the key, for one that is not known and for one that asks for what is not
// supported.
absl::StatusOr<ConfigText> ConfigOf(const Metadata& metadata, const Architecture& architecture,
                                    const TensorFacts& facts);

// An error about fields of the config as one about the keys that they come from.
absl::Status InTermsOfKeys(const absl::Status& error, const ConfigText& config);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_CONFIG_H_
