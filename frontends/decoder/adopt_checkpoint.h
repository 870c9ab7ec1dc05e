// Checkpoints as they are found: brings what a checkpoint holds together with what its config says,
// as transformers does when it loads one.
//
// - Names without "model.", of a model that was saved without its head, are given it; a head that
//   is called "model.lm_head.weight" loses it. Names "language_model.model." and "model.language_model."
//   lose what a model of text and images adds. Two tensors for one name are refused unless they are
//   equal.
// - A head of its own beside tie_word_embeddings: true unties it, unless it is the embedding again.
//   A head alone is the embedding, too.
// - Tensors that the model has no use for stay unread.
//
// Example:
//   std::vector<std::string> notes;
//   absl::Status status = AdoptCheckpoint("Qwen3-0.6B", &checkpoint, &decoder, &notes);
//   // "Qwen3-0.6B: 1 tensor is not part of the model and is not used: 'score.weight'"
#ifndef LLUDA_FRONTENDS_DECODER_ADOPT_CHECKPOINT_H_
#define LLUDA_FRONTENDS_DECODER_ADOPT_CHECKPOINT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/decoder/description/description.h"

namespace lluda::frontends::decoder {

// Renames tensors of `checkpoint` and may untie `decoder`, so that ImportDecoder finds what it
// looks for; whether all of it is there and fits is the importer's to check. Adds to `notes`, a line each
// that begins with `label`, what a user should be told. InvalidArgument for two tensors of one
// name.
absl::Status AdoptCheckpoint(const std::string& label, Checkpoint* checkpoint, Decoder* decoder,
                             std::vector<std::string>* notes);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_ADOPT_CHECKPOINT_H_
