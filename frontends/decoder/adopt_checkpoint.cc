#include "frontends/decoder/adopt_checkpoint.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/decoder/weights/expected_tensors.h"
#include "ir/interpreter/tensor.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::decoder {
namespace {

constexpr absl::string_view kPrefix = "model.";
constexpr absl::string_view kText = "language_model.";
constexpr absl::string_view kThinker = "thinker.";
constexpr char kHead[] = "lm_head.weight";
constexpr char kEmbedding[] = "model.embed_tokens.weight";
// So many of the tensors that are not used are named.
constexpr size_t kNamedTensors = 3;
// Of two tensors in different dtypes, so many numbers at a time are compared.
constexpr int64_t kComparedNumbers = int64_t{1} << 20;

// What else a tensor may be called: with the prefix or without it, and as a part of a model that
// also sees images or hears.
std::vector<std::string> OtherNames(absl::string_view name) {
  absl::string_view rest = name;
  const bool is_prefixed = absl::ConsumePrefix(&rest, kPrefix);
  std::vector<std::string> names = {is_prefixed ? std::string(rest) : absl::StrCat(kPrefix, name),
                                    absl::StrCat(kText, name), absl::StrCat(kThinker, name)};
  if (is_prefixed) names.push_back(absl::StrCat(kPrefix, kText, rest));
  return names;
}

absl::Status RenameTensors(const std::string& label, const std::vector<std::string>& names,
                           Checkpoint* checkpoint) {
  for (const std::string& name : names) {
    for (const std::string& other : OtherNames(name)) {
      const TensorView* found = checkpoint->Find(other);
      if (found == nullptr) continue;
      const TensorView* exact = checkpoint->Find(name);
      if (exact == nullptr) {
        checkpoint->Rename(other, name);
      } else if (!checkpoint->AreEqual(*exact, *found)) {
        return absl::InvalidArgumentError(absl::StrCat(label, ": tensors '", name, "' and '", other,
                                                       "' differ, and both stand for the former"));
      }
    }
  }
  return absl::OkStatus();
}

// `count` of a float tensor's numbers, from the one at `first` on.
absl::StatusOr<ir::Tensor> Numbers(const TensorView& tensor, ir::DType dtype, int64_t first,
                                   int64_t count) {
  const ir::Type type{dtype, {{"number", ir::Extent::Constant(count)}}, {}};
  return ir::Tensor::FromBytes(
      type, tensor.span().subspan(static_cast<size_t>(ir::BytesOf(dtype, first)),
                                  static_cast<size_t>(ir::BytesOf(dtype, count))));
}

// Do two tensors of one shape and different dtypes hold the same numbers?
bool HoldTheSameNumbers(const Checkpoint& checkpoint, const TensorView& a, const TensorView& b) {
  if (!a.dtype || !b.dtype || !ir::IsFloat(*a.dtype) || !ir::IsFloat(*b.dtype)) return false;
  const auto elements = static_cast<int64_t>(a.bytes) * 8 / ir::ElementBits(*a.dtype);
  for (int64_t first = 0; first < elements; first += kComparedNumbers) {
    const int64_t count = std::min(kComparedNumbers, elements - first);
    const absl::StatusOr<ir::Tensor> of_a = Numbers(a, *a.dtype, first, count);
    const absl::StatusOr<ir::Tensor> of_b = Numbers(b, *b.dtype, first, count);
    if (!of_a.ok() || !of_b.ok() || of_a->floats() != of_b->floats()) return false;
  }
  checkpoint.DropPages(a);
  checkpoint.DropPages(b);
  return true;
}

// Settles what the LM head is.
void SettleHead(const std::string& label, Checkpoint* checkpoint, Decoder* decoder,
                std::vector<std::string>* notes) {
  const TensorView* head = checkpoint->Find(kHead);
  const TensorView* embedding = checkpoint->Find(kEmbedding);
  if (!decoder->tie_word_embeddings || head == nullptr) return;
  if (embedding == nullptr) {
    checkpoint->Rename(kHead, kEmbedding);
    return;
  }
  if (checkpoint->AreEqual(*head, *embedding)) return;
  const bool other_dtype = head->dtype != embedding->dtype && head->shape == embedding->shape;
  if (other_dtype && HoldTheSameNumbers(*checkpoint, *head, *embedding)) return;
  decoder->tie_word_embeddings = false;
  notes->push_back(absl::StrCat(label, ": '", kHead, "' is not '", kEmbedding,
                                "' although config.json ties them; both are used"));
}

void NoteUnused(const std::string& label, const std::vector<std::string>& unused,
                std::vector<std::string>* notes) {
  if (unused.empty()) return;
  std::vector<std::string> named;
  for (size_t i = 0; i < std::min(unused.size(), kNamedTensors); ++i) {
    named.push_back(absl::StrCat("'", base::QuoteName(unused[i]), "'"));
  }
  notes->push_back(absl::StrCat(label, ": ", unused.size(),
                                unused.size() == 1 ? " tensor is" : " tensors are",
                                " not part of the model and not used: ", absl::StrJoin(named, ", "),
                                unused.size() > named.size() ? ", ..." : ""));
}

}  // namespace

absl::Status AdoptCheckpoint(const std::string& label, Checkpoint* checkpoint, Decoder* decoder,
                             std::vector<std::string>* notes) {
  const std::vector<std::string> names = TensorNames(*decoder);
  RETURN_IF_ERROR(RenameTensors(label, names, checkpoint));
  SettleHead(label, checkpoint, decoder, notes);
  const absl::flat_hash_set<std::string> known(names.begin(), names.end());
  std::vector<std::string> unused;
  for (const std::string& name : checkpoint->Names()) {
    // Tables of rotary embedding, which older versions of transformers saved: computed anew.
    const bool is_table = absl::StrContains(name, "rotary_emb.");
    if (!is_table && !known.contains(name)) unused.push_back(name);
  }
  NoteUnused(label, unused, notes);
  return absl::OkStatus();
}

}  // namespace lluda::frontends::decoder
