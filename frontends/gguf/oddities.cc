#include "frontends/gguf/oddities.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/architectures.h"
#include "frontends/gguf/chat_reader.h"
#include "frontends/gguf/model_reader.h"
#include "frontends/gguf/tokenizer_keys.h"
#include "frontends/gguf/tokenizer_reader.h"

namespace lluda::frontends::gguf {
namespace {

using Lines = std::vector<std::string>;

// Without the file's name, which the reader of these lines knows.
std::string Reason(const GgufFile& file, const absl::Status& status) {
  absl::string_view message = status.message();
  absl::ConsumePrefix(&message, absl::StrCat(file.path(), ": "));
  return std::string(message);
}

const Tensor* FindTensor(const GgufFile& file, absl::string_view name) {
  for (const GgufFile::Part& part : file.parts()) {
    for (const Tensor& tensor : part.container.tensors) {
      if (tensor.name == name) return &tensor;
    }
  }
  return nullptr;
}

void AddModel(const GgufFile& file, Lines* lines) {
  if (const absl::Status status = ReadModel(file).status(); !status.ok()) {
    lines->push_back(absl::StrCat("is not run: ", Reason(file, status)));
  }
}

void AddTokenizer(const GgufFile& file, Lines* lines) {
  if (const absl::Status status = ReadTokenizer(file).status(); !status.ok()) {
    lines->push_back(absl::StrCat("its tokenizer is not read: ", Reason(file, status)));
  }
  const auto config = ReadGenerationConfig(file.metadata());
  if (!config.ok()) {
    lines->push_back(Reason(file, config.status()));
  } else if (config->eos_token_ids.empty()) {
    lines->push_back("no key names a token that ends a text");
  }
}

void AddTiedHead(const GgufFile& file, Lines* lines) {
  const Tensor* head = FindTensor(file, kHeadTensor);
  const Tensor* embedding = FindTensor(file, kEmbeddingTensor);
  if (head == nullptr || embedding == nullptr || head->type != embedding->type) return;
  if (head->bytes.size() != embedding->bytes.size() ||
      std::memcmp(head->bytes.data(), embedding->bytes.data(), head->bytes.size()) != 0) {
    return;
  }
  lines->push_back("output.weight repeats token_embd.weight: the head is tied, and held twice");
}

// A template that writes the token which the tokenizer puts before texts, too.
void AddSecondBos(const GgufFile& file, Lines* lines) {
  const Metadata& metadata = file.metadata();
  const auto add = metadata.Bool(kAddBos);
  const auto source = metadata.String(kTemplate);
  if (!add.ok() || !*add || !source.ok() || !absl::StrContains(*source, "bos_token")) return;
  lines->push_back(absl::StrCat(
      kAddBos, " is true, and the chat template writes bos_token, too; chats have one"));
}

void AddEmbedding(const GgufFile& file, Lines* lines) {
  constexpr int64_t kLastToken = 3;
  const Metadata& metadata = file.metadata();
  for (const Entry* entry : metadata.WithPrefix("")) {
    if (!absl::EndsWith(entry->key, ".pooling_type")) continue;
    const auto pooling = metadata.Int(entry->key, 0, 255);
    const auto eos = metadata.Bool(kAddEos);
    if (!pooling.ok() || *pooling != kLastToken || (eos.ok() && *eos)) continue;
    lines->push_back(absl::StrCat("it pools by the last token, but ", kAddEos,
                                  " does not say that texts end with one"));
  }
}

// Llama 3's first files lack the token that ends a turn.
void AddEndOfTurn(const GgufFile& file, Lines* lines) {
  const Metadata& metadata = file.metadata();
  const auto tokens = metadata.Strings(kTokens);
  const auto config = ReadGenerationConfig(metadata);
  if (!tokens.ok() || !config.ok()) return;
  const auto found = std::find(tokens->begin(), tokens->end(), "<|eot_id|>");
  if (found == tokens->end()) return;
  const std::vector<int64_t>& ends = config->eos_token_ids;
  if (std::find(ends.begin(), ends.end(), found - tokens->begin()) != ends.end()) return;
  lines->push_back("it has a token <|eot_id|>, which no key says to end a turn");
}

void AddGaps(const GgufFile& file, Lines* lines) {
  for (const GgufFile::Part& part : file.parts()) {
    const std::byte* end = part.file->bytes().data() + part.container.data_start;
    uint64_t unused = 0;
    for (const Tensor& tensor : part.container.tensors) {
      const auto gap = static_cast<uint64_t>(tensor.bytes.data() - end);
      if (gap >= part.container.alignment) unused += gap;
      end = tensor.bytes.data() + tensor.bytes.size();
    }
    const std::byte* last = part.file->bytes().data() + part.file->bytes().size();
    if (end < last && static_cast<uint64_t>(last - end) >= part.container.alignment) {
      unused += static_cast<uint64_t>(last - end);
    }
    if (unused == 0) continue;
    lines->push_back(absl::StrCat(unused, " bytes of its data belong to no tensor"));
  }
}

}  // namespace

std::vector<std::string> OdditiesOf(const GgufFile& file) {
  Lines lines;
  for (const auto add :
       {AddModel, AddTokenizer, AddTiedHead, AddSecondBos, AddEmbedding, AddEndOfTurn, AddGaps}) {
    add(file, &lines);
  }
  if (!file.metadata().Has(kTemplate) && !file.metadata().Has(kTemplateNames)) {
    lines.push_back("it has no chat template");
  }
  return lines;
}

}  // namespace lluda::frontends::gguf
