#include "engine/service/fingerprint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "bundle/tokenizer_message.h"

namespace lluda::engine {
namespace {

// Weights are hashed in pieces, side by side, and the pieces' digests together.
constexpr int64_t kPieceBytes = int64_t{4} << 20;

// A text of known length, so that no two lists of texts are the same bytes.
void AddText(absl::string_view text, base::Sha256Stream* stream) {
  stream->Add(absl::StrCat(text.size(), ":"));
  stream->Add(text);
}

template <typename T>
void AddArray(absl::Span<const T> array, base::Sha256Stream* stream) {
  AddText({reinterpret_cast<const char*>(array.data()), array.size() * sizeof(T)}, stream);
}

std::string WeightsDigest(Model* model) {
  std::vector<absl::string_view> pieces;
  const auto add = [&](const char* data, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += kPieceBytes) {
      pieces.emplace_back(data + at, static_cast<size_t>(std::min(kPieceBytes, bytes - at)));
    }
  };
  const runtime::Executable& executable = *model->executable();
  const absl::Span<const char> loaded = executable.loaded();
  add(loaded.data(), static_cast<int64_t>(loaded.size()));
  const std::vector<runtime::Weight>& weights = executable.program().weights;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!weights[i].read_by_entries) continue;
    add(static_cast<const char*>(executable.weights()[i]), weights[i].bytes);
  }
  std::vector<base::Digest> digests(pieces.size());
  model->pool()->ParallelFor(static_cast<int64_t>(pieces.size()), 1,
                             [&](int64_t begin, int64_t end, int) {
                               for (int64_t i = begin; i < end; ++i) {
                                 const auto piece = static_cast<size_t>(i);
                                 digests[piece] = base::Sha256(pieces[piece]);
                               }
                             });
  base::Sha256Stream stream;
  AddArray(absl::MakeConstSpan(digests), &stream);
  return base::HexOf(stream.Finish());
}

std::string TokenizerDigest(const tokenizer::Tokenizer& tokenizer) {
  const tokenizer::TokenizerTables tables = tokenizer.Tables();
  bundle::Tokenizer options;
  bundle::SetOptions(tables, &options);
  base::Sha256Stream stream;
  AddText(options.SerializeAsString(), &stream);
  AddArray(tables.vocabulary.text, &stream);
  AddArray(tables.vocabulary.offsets, &stream);
  AddArray(tables.merges, &stream);
  return base::HexOf(stream.Finish());
}

std::string ChatDigest(const tokenizer::ChatFormat& chat) {
  base::Sha256Stream stream;
  for (const tokenizer::NamedTemplate& one : chat.templates) {
    AddText(one.name, &stream);
    AddText(one.source, &stream);
  }
  for (const auto& [name, token] : chat.special_tokens) {
    AddText(name, &stream);
    AddText(token, &stream);
  }
  return base::HexOf(stream.Finish());
}

std::string DefaultsText(const Model& model) {
  const SamplerOptions sampler = model.DefaultSampler();
  std::string text = absl::StrFormat(
      "temperature %a, top_k %d, top_p %a, min_p %a, "
      "repetition_penalty %a, stop tokens",
      sampler.temperature, sampler.top_k, sampler.top_p, sampler.min_p, sampler.repetition_penalty);
  for (const int32_t token : model.StopTokens()) absl::StrAppend(&text, " ", token);
  return text;
}

}  // namespace

absl::StatusOr<std::vector<FingerprintPart>> FingerprintParts(Model* model) {
  const ModelIdentity& identity = model->identity();
  if (identity.module.empty()) {
    return absl::FailedPreconditionError("the model was not loaded to be identified");
  }
  std::vector<FingerprintPart> parts = {
      {"weights", identity.weights.empty() ? WeightsDigest(model) : identity.weights},
      {"module", identity.module},
      {"code", identity.code},
      {"isa", identity.isa},
      {"defaults", DefaultsText(*model)},
      {"sampler", absl::StrCat(kSamplerRevision)},
      {"text", absl::StrCat(kTextRevision)},
  };
  if (model->tokenizer() != nullptr) {
    parts.push_back({"tokenizer", TokenizerDigest(*model->tokenizer())});
  }
  // A model without templates cannot be chatted with: nothing depends on them.
  const absl::StatusOr<tokenizer::ChatFormat> chat = model->source().ReadChatFormat();
  if (chat.ok()) parts.push_back({"chat", ChatDigest(*chat)});
  return parts;
}

std::string SystemFingerprint(absl::Span<const FingerprintPart> parts) {
  base::Sha256Stream stream;
  for (const FingerprintPart& part : parts) {
    AddText(part.name, &stream);
    AddText(part.value, &stream);
  }
  return absl::StrCat("lluda-", base::HexOf(stream.Finish()).substr(0, 16));
}

}  // namespace lluda::engine
