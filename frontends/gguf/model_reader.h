// A GGUF file as a model: what its keys describe, and its tensors under the names that the
// importer looks for.
//
//   absl::StatusOr<GgufFile> file = GgufFile::Open("model.gguf");
//   absl::StatusOr<GgufModel> model = ReadModel(*file);
//   model->decoder.layer_count();
//
// The keys become the fields of a config.json, which the family's own reader reads and checks
// (frontends/families); its errors name the keys. What depends on tensors is read from them: the
// head is tied where there is none, there are biases where they are, and rope_freqs.weight divides
// the frequencies of rotary embedding. A tensor that is missing, of another shape, or that the
// architecture does not have is refused by the name that the file gives it.
#ifndef LLUDA_FRONTENDS_GGUF_MODEL_READER_H_
#define LLUDA_FRONTENDS_GGUF_MODEL_READER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/decoder/description/description.h"
#include "frontends/gguf/file/gguf_file.h"

namespace lluda::frontends::gguf {

struct GgufModel {
  decoder::Decoder decoder;
  Checkpoint checkpoint;
  // What a user should be told of the file, a line each.
  std::vector<std::string> notes;
};

// Unimplemented for an architecture, a key's value or a tensor's type that is not supported;
// InvalidArgument for what contradicts itself; NotFound for a missing tensor.
absl::StatusOr<GgufModel> ReadModel(const GgufFile& file);

// The keys alone: what a model of this file's architecture and numbers is.
absl::StatusOr<decoder::Decoder> ReadDecoder(const GgufFile& file);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_MODEL_READER_H_
