// A small model of each family: a config.json as transformers writes it, seeded weights as bf16,
// and the same model in numbers for plain_decoder.h.
//
// Example:
//   for (const FamilyCase& family : FamilyCases()) {
//     const SeededFolder folder(family);
//     ... load folder.path(), compare with folder.plain().Logits(ids) ...
//   }
#ifndef LLUDA_TESTS_SUPPORT_SEEDED_FAMILIES_H_
#define LLUDA_TESTS_SUPPORT_SEEDED_FAMILIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/files/test_files.h"
#include "tests/support/plain_decoder.h"

namespace lluda::tests {

// Which tensors a model has beside those that all have.
struct Extra {
  bool tied = false;
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
  bool fused = false;  // qkv_proj and gate_up_proj
  // Of layers that are not among `dense`; 0: there are none.
  int64_t experts = 0;
  int64_t expert_size = 0;
  int64_t shared_size = 0;
  std::vector<int64_t> dense{};
  bool numbered = false;  // w1, w2, w3 in block_sparse_moe
};

struct FamilyCase {
  std::string name;
  std::string config;  // the fields beside the sizes
  PlainDecoder plain;  // sizes and constants
  Extra extra{};
  int64_t positions = 256;  // max_position_embeddings
  std::string note{};       // a part of what a user is told when it is loaded; empty: nothing is
};

// One of each family, some with other shapes or switches.
std::vector<FamilyCase> FamilyCases();
// The one of this name, with room for 1024 positions.
FamilyCase LongCaseNamed(const std::string& name);

// Makes the weights of a case, and the folder that holds them.
class SeededFolder {
 public:
  explicit SeededFolder(const FamilyCase& c);

  const std::string& path() const { return folder_.path(); }
  const PlainDecoder& plain() const { return plain_; }
  // `count` tokens, others for another seed.
  std::vector<int32_t> Prompt(int count, uint32_t seed) const;

 private:
  void AddTensor(const std::string& name, const std::vector<int64_t>& shape, float mean,
                 float spread);
  void Add(const std::string& name, int64_t rows, int64_t columns, bool bias = false);
  void AddNorm(const std::string& name, int64_t size);
  void AddLayer(const FamilyCase& c, int64_t layer);
  void AddMlp(const FamilyCase& c, const std::string& prefix);
  void AddExperts(const FamilyCase& c, const std::string& prefix);

  base::TemporaryFolder folder_;
  PlainDecoder plain_;
  std::vector<std::string> entries_;
  std::string bytes_;
};

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_SEEDED_FAMILIES_H_
