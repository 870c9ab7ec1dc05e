// What a GGUF file leaves to its reader to know: a row for each architecture that lluda runs.
//
// A file names its architecture and gives numbers; which family that is, what the keys are in that
// family's config.json, what the tensors are called in its checkpoints and in which order the rows
// of queries and keys lie, the name alone implies.
//
//   FindArchitecture("llama")->model_type                                   // "llama"
//   CheckpointName(*FindArchitecture("llama"), "blk.3.attn_q.weight")
//   // "model.layers.3.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_GGUF_ARCHITECTURES_H_
#define LLUDA_FRONTENDS_GGUF_ARCHITECTURES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lluda::frontends::gguf {

// How every architecture calls the embedding, and the head of a model that has one of its own.
inline constexpr char kEmbeddingTensor[] = "token_embd.weight";
inline constexpr char kHeadTensor[] = "output.weight";

// What becomes of a key of an architecture.
enum class KeyUse : uint8_t {
  kInt,      // a field of config.json, an integer; one number for all layers
  kNumber,   // a field of config.json, a float
  kRead,     // read by name, in config.cc
  kIgnored,  // says nothing of what is computed
  kRefused,  // refused unless it is 0 or false
};

struct KeyRow {
  const char* key;  // behind the architecture's name and a dot
  KeyUse use;
  const char* field = "";
};

struct TensorRow {
  const char* name;             // "attn_norm", behind "blk.N." of a layer's
  const char* checkpoint_name;  // "input_layernorm", behind "model.layers.N."
};

// Weights of norms are stored with the 1 that the family adds. Scores are divided by the root of a
// head's elements, but in the largest model, which has so many layers, by that of
// embedding_length / attention.head_count.
struct GemmaRow {
  int64_t largest_layers;
};

struct Architecture {
  const char* name;
  const char* model_type;  // of the family, see frontends/families
  bool paired_rows;        // see decoder::Decoder
  // Beside the common ones, or in their place.
  absl::Span<const KeyRow> keys{};
  absl::Span<const TensorRow> layer_tensors{};
  // The family of files that have experts, where it is another one.
  const char* experts_model_type = nullptr;
  // Whether the weights of the experts that a token takes are divided by their sum, unless a key says
  // otherwise; nothing where the family knows.
  std::optional<bool> renormalises{};
  // Whether attention.sliding_window is the family's window; of the others it is refused.
  bool windows = false;
  // Whether rope.dimension_count may be less than a head: that many of its elements rotate.
  bool rotates_partly = false;
  // What the family says of heads and norms, and files of Gemma do otherwise; nullptr: nothing.
  const GemmaRow* gemma = nullptr;
};

absl::Span<const Architecture> Architectures();
// Null if there is no row of that name.
const Architecture* FindArchitecture(absl::string_view name);

// The row of a key, without the architecture's name; null if it is not known.
const KeyRow* FindKey(const Architecture& architecture, absl::string_view key);
// The rows that all architectures have, but where one has its own.
absl::Span<const KeyRow> CommonKeys();

// What a checkpoint calls the tensor; nothing for one that the architecture does not have.
std::optional<std::string> CheckpointName(const Architecture& architecture, absl::string_view name);
// The reverse, for errors: what files call a tensor of a checkpoint.
std::string FileName(const Architecture& architecture, absl::string_view checkpoint_name);
// The same whatever the architecture: of the rows that know the name, the first one's.
std::string FileName(absl::string_view checkpoint_name);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_ARCHITECTURES_H_
