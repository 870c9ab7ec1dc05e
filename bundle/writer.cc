#include "bundle/writer.h"

#include <utility>

#include "base/files/atomic_file.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "bundle/header.pb.h"
#include "bundle/layout.h"
#include "bundle/tokenizer_message.h"

namespace lluda::bundle {
namespace {

using Pieces = std::vector<Contents::Piece>;

Pieces Whole(absl::string_view bytes) { return {{0, bytes}}; }

template <typename T>
absl::string_view BytesOf(absl::Span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// The sections of a bundle, laid out one behind the other.
class Sections {
 public:
  void Add(Section* section, Pieces pieces, uint64_t bytes) {
    base::Sha256Stream hash;
    uint64_t at = 0;
    for (const Contents::Piece& piece : pieces) {
      hash.Add(std::string(static_cast<uint64_t>(piece.offset) - at, '\0'));
      hash.Add(piece.bytes);
      at = static_cast<uint64_t>(piece.offset) + piece.bytes.size();
    }
    const base::Digest digest = hash.Finish();
    section->set_bytes(bytes);
    section->set_sha256(digest.data(), digest.size());
    sections_.emplace_back(section, std::move(pieces));
  }
  void Add(Section* section, absl::string_view bytes) { Add(section, Whole(bytes), bytes.size()); }

  // Gives the sections their places, the first at or after `begin`; where the last one ends.
  uint64_t Place(uint64_t begin) {
    for (const auto& [section, pieces] : sections_) {
      begin = (begin + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
      section->set_offset(begin);
      begin += section->bytes();
    }
    return begin;
  }

  void Write(base::AtomicFile* file) const {
    for (const auto& [section, pieces] : sections_) {
      file->PadTo(kSectionAlignment);
      const uint64_t begin = file->size();
      for (const Contents::Piece& piece : pieces) {
        const uint64_t offset = begin + static_cast<uint64_t>(piece.offset);
        file->Append(std::string(offset - file->size(), '\0'));
        file->Append(piece.bytes);
      }
    }
  }

 private:
  std::vector<std::pair<Section*, Pieces>> sections_;
};

void SetChosen(const frontends::ChosenWeights& chosen, ChosenWeights* message) {
  message->set_budget(chosen.budget);
  message->set_text(chosen.text);
  message->set_positions(chosen.positions);
  for (const frontends::ChosenWeights::Row& row : chosen.rows) {
    ChosenWeights::Row* added = message->add_rows();
    added->set_matrices(row.matrices);
    added->set_type(row.type);
    added->set_bytes(row.bytes);
    added->set_kl(row.kl);
  }
  message->set_kl(chosen.kl);
  message->set_same_top(chosen.same_top);
  message->set_bytes(chosen.bytes);
  message->set_plain_bytes(chosen.plain_bytes);
}

void SetModel(const ModelInfo& model, Model* message) {
  message->set_name(model.name);
  message->set_precision(model.precision);
  message->set_kv_cache(model.kv_cache);
  message->set_result(model.result);
  message->set_context(model.context);
  message->set_max_step(model.max_step);
  message->set_chat_template_problem(model.chat_template_problem);
  for (const tokenizer::NamedTemplate& named : model.chat.templates) {
    ChatTemplate* chat_template = message->mutable_chat()->add_templates();
    chat_template->set_name(named.name);
    chat_template->set_origin(named.origin);
    chat_template->set_source(named.source);
  }
  for (const auto& [variable, content] : model.chat.special_tokens) {
    SpecialToken* token = message->mutable_chat()->add_special_tokens();
    token->set_variable(variable);
    token->set_content(content);
  }
  message->set_source_weight_bytes(model.source_weight_bytes);
  if (model.sound) {
    message->mutable_sound()->set_sample_rate(model.sound->sample_rate);
    message->mutable_sound()->set_frame_samples(model.sound->frame_samples);
    message->mutable_sound()->set_frame_step(model.sound->frame_step);
  }
  if (model.chosen != nullptr) SetChosen(*model.chosen, message->mutable_chosen());
  GenerationDefaults* generation = message->mutable_generation();
  generation->set_do_sample(model.generation.do_sample);
  generation->set_temperature(model.generation.temperature);
  generation->set_top_k(model.generation.top_k);
  generation->set_top_p(model.generation.top_p);
  generation->set_min_p(model.generation.min_p);
  generation->set_repetition_penalty(model.generation.repetition_penalty);
  for (const int64_t id : model.generation.eos_token_ids) generation->add_eos_token_ids(id);
}

}  // namespace

absl::Status WriteBundle(const std::string& path, const Contents& contents) {
  // First, so that a folder that cannot be written to is told before all is hashed.
  ASSIGN_OR_RETURN(base::AtomicFile file, base::AtomicFile::Create(path));
  Header header;
  header.set_lluda_version(kLludaVersion);
  header.set_llvm_version(contents.llvm_version);
  header.set_architecture(contents.gpu ? kGpuArchitecture : kArchitecture);
  header.set_isa(contents.isa);
  for (const std::string& feature : contents.cpu_features) header.add_cpu_features(feature);
  const std::string gpu_code = contents.gpu ? EncodeGpuCode(*contents.gpu) : "";
  if (contents.gpu) *header.mutable_gpu() = ToMessage(contents.gpu->target);
  // A GPU's kernels are found by their names.
  const std::vector<int64_t> nowhere(contents.program.kernels.size(), 0);
  *header.mutable_program() =
      ToMessage(contents.program, contents.gpu ? nowhere : contents.entries);
  SetModel(contents.model, header.mutable_model());
  header.set_code_start(contents.code_start);

  Sections sections;
  sections.Add(header.mutable_code(), contents.gpu ? gpu_code : contents.code);
  sections.Add(header.mutable_ir(), contents.ir);
  if (contents.tokenizer) {
    const tokenizer::TokenizerTables& tables = *contents.tokenizer;
    Tokenizer* message = header.mutable_tokenizer();
    SetOptions(tables, message);
    sections.Add(message->mutable_text(), BytesOf(tables.vocabulary.text));
    sections.Add(message->mutable_offsets(), BytesOf(tables.vocabulary.offsets));
    sections.Add(message->mutable_slots(), BytesOf(tables.vocabulary.slots));
    sections.Add(message->mutable_merges(), BytesOf(tables.merges));
  }
  sections.Add(header.mutable_weights(), contents.loaded,
               static_cast<uint64_t>(contents.program.loaded_bytes));

  // How long the header is depends on the offsets in it, and they on that: they are placed behind
  // room for the longest ones.
  constexpr uint64_t kRoomForOffsets = 256;
  const uint64_t begin = kPrefixBytes + header.ByteSizeLong() + kRoomForOffsets;
  Prefix prefix;
  prefix.file_bytes = sections.Place(begin);
  const std::string text = header.SerializeAsString();
  prefix.header_bytes = text.size();
  prefix.header_sha256 = base::Sha256(text);
  file.Append(EncodePrefix(prefix));
  file.Append(text);
  file.Append(std::string(begin - file.size(), '\0'));
  sections.Write(&file);
  return std::move(file).Commit();
}

}  // namespace lluda::bundle
