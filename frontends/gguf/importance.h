// An importance matrix: for each matrix of a model the sum of the squares of what its columns were
// multiplied with, over the tokens of a text. What a column's errors cost when it is quantised is that sum.
//
// Files have llama.cpp's form: GGUF of the type "imatrix", with the tensors NAME.in_sum2 and NAME.counts
// for the matrix that GGUF files call NAME. Where that holds a layer's experts, both have an axis more.
//
//   absl::StatusOr<Importance> importance = ReadImportance("wiki.imatrix.gguf");
//   AddImportance(*importance, /*is_tied=*/true, &checkpoint, &notes);
//   // checkpoint has "model.layers.0.mlp.down_proj.weight.importance", f32 [columns]
#ifndef LLUDA_FRONTENDS_GGUF_IMPORTANCE_H_
#define LLUDA_FRONTENDS_GGUF_IMPORTANCE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/checkpoint/checkpoint.h"

namespace lluda::frontends::gguf {

struct Importance {
  // Of a matrix for each expert, those of the first one come first; otherwise there is one.
  struct Matrix {
    std::vector<double> sums;    // of squares, for each column
    std::vector<double> counts;  // of the tokens that were added

    size_t columns() const { return sums.size() / counts.size(); }
  };
  std::string path = "the importance matrix";  // the file's, as errors call it
  std::map<std::string, Matrix> matrices;      // by GGUF's names: "blk.0.attn_q.weight"
  std::vector<std::string> texts;              // what was read, by name
  int64_t windows = 0, window_tokens = 0;
};

// InvalidArgument for a file that is none, or whose sums are negative or not finite.
absl::StatusOr<Importance> ReadImportance(const std::string& path);

// The bytes of the file.
std::string ImportanceFile(const Importance& importance);

// Gives the matrices of the checkpoint what is known of them, the mean of a column's squares, as tensors
// of their name and kImportanceSuffix (frontends/checkpoint/tensor_info.h). Where the head is tied, its
// own counts for the embedding. The columns of a matrix or an expert that no token took count alike, as in
// llama.cpp, and so do those that are all 0. Means that are very small or large beside others, or as
// numbers, are brought to where sums of their squares are floats: only what they are beside each other
// matters, and by a power of two it stays to the bit. Experts have their own, one tensor each or one for
// all, as the checkpoint has them; a file that does not tell them apart says the same of each.
// InvalidArgument for another number of columns or experts, and where no name is one of the model's; a
// note where some are not.
absl::Status AddImportance(const Importance& importance, bool is_tied, Checkpoint* checkpoint,
                           std::vector<std::string>* notes);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_IMPORTANCE_H_
