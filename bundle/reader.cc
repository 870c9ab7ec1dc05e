#include "bundle/reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "bundle/layout.h"
#include "bundle/program_message.h"
#include "bundle/tokenizer_message.h"
#include "runtime/machine/cpu_features.h"

namespace lluda::bundle {
namespace {

// The machine code of this process's kernels starts at a page; so it does in a bundle.
constexpr uint64_t kPage = 4096;

bool HasHash(const Section& section, absl::string_view bytes) {
  const base::Digest digest = base::Sha256(bytes);
  return section.sha256() ==
         absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// The bytes of a section as an array; the section's size must be a multiple of the elements'.
template <typename T>
absl::Span<const T> ArrayOf(absl::string_view bytes) {
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

frontends::ChosenWeights ChosenOf(const ChosenWeights& message) {
  frontends::ChosenWeights chosen;
  chosen.budget = message.budget();
  chosen.text = message.text();
  chosen.positions = message.positions();
  for (const ChosenWeights::Row& row : message.rows()) {
    chosen.rows.push_back({row.matrices(), row.type(), row.bytes(), row.kl()});
  }
  chosen.kl = message.kl();
  chosen.same_top = message.same_top();
  chosen.bytes = message.bytes();
  chosen.plain_bytes = message.plain_bytes();
  return chosen;
}

ModelInfo ModelOf(const Model& message) {
  ModelInfo model;
  model.name = message.name();
  model.precision = message.precision();
  model.kv_cache = message.kv_cache();
  model.result = message.result();
  model.context = message.context();
  model.max_step = message.max_step();
  model.chat_template_problem = message.chat_template_problem();
  for (const ChatTemplate& named : message.chat().templates()) {
    model.chat.templates.push_back({named.name(), named.origin(), named.source()});
  }
  for (const SpecialToken& token : message.chat().special_tokens()) {
    model.chat.special_tokens.emplace_back(token.variable(), token.content());
  }
  model.source_weight_bytes = message.source_weight_bytes();
  if (message.has_sound()) {
    model.sound = {message.sound().sample_rate(), message.sound().frame_samples(),
                   message.sound().frame_step()};
  }
  if (message.has_chosen()) {
    model.chosen = std::make_shared<const frontends::ChosenWeights>(ChosenOf(message.chosen()));
  }
  const GenerationDefaults& generation = message.generation();
  model.generation.do_sample = generation.do_sample();
  model.generation.temperature = generation.temperature();
  model.generation.top_k = generation.top_k();
  model.generation.top_p = generation.top_p();
  model.generation.min_p = generation.min_p();
  model.generation.repetition_penalty = generation.repetition_penalty();
  model.generation.eos_token_ids.assign(generation.eos_token_ids().begin(),
                                        generation.eos_token_ids().end());
  return model;
}

}  // namespace

bool Bundle::Looks(const std::string& path) {
  struct stat info;
  const bool exists = stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) return false;
  if (absl::EndsWith(path, ".llb")) return true;
  if (!exists || !S_ISREG(info.st_mode)) return false;
  char start[8] = {};
  if (FILE* file = std::fopen(path.c_str(), "rb")) {
    const size_t got = std::fread(start, 1, sizeof(start), file);
    std::fclose(file);
    return HasMagic({start, got});
  }
  return false;
}

absl::StatusOr<std::unique_ptr<Bundle>> Bundle::Open(const std::string& path) {
  ASSIGN_OR_RETURN(base::MappedFile file, base::MappedFile::Open(path));
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": may be written to by everyone, so its code is not run (chmod o-w)"));
  }
  std::unique_ptr<Bundle> bundle(new Bundle(path, std::move(file)));
  RETURN_IF_ERROR(bundle->ReadHeader());
  return bundle;
}

absl::Status Bundle::Error(absl::StatusCode code, absl::string_view reason) const {
  return absl::Status(code, absl::StrCat(path_, ": ", reason));
}

absl::Status Bundle::Damaged(absl::string_view reason) const {
  return Error(absl::StatusCode::kInvalidArgument, absl::StrCat("is damaged: ", reason));
}

absl::Status Bundle::ReadHeader() {
  const absl::string_view file = file_.text();
  absl::StatusOr<Prefix> prefix = DecodePrefix(file, file.size());
  if (!prefix.ok()) return Error(prefix.status().code(), prefix.status().message());
  // A copy: what was hashed is what is read.
  const std::string text(file.substr(kPrefixBytes, prefix->header_bytes));
  if (base::Sha256(text) != prefix->header_sha256) return Damaged("the header's hash is wrong");
  if (!header_.ParseFromString(text)) return Damaged("the header cannot be read");
  header_end_ = kPrefixBytes + prefix->header_bytes;
  const bool gpu = header_.has_gpu();
  if (header_.architecture() != (gpu ? kGpuArchitecture : kArchitecture)) {
    return Error(absl::StatusCode::kUnimplemented,
                 absl::StrCat("is for ", header_.architecture(), ", not for ", kArchitecture));
  }
  model_ = ModelOf(header_.model());
  if (model_.context < 1 || model_.max_step < 1 || model_.max_step > model_.context) {
    return Damaged("the header's context and step are wrong");
  }
  return CheckSections();
}

std::vector<std::pair<absl::string_view, const Section*>> Bundle::AllSections() const {
  std::vector<std::pair<absl::string_view, const Section*>> sections = {
      {"code", &header_.code()}, {"weights", &header_.weights()}, {"ir", &header_.ir()}};
  if (header_.has_tokenizer()) {
    const bundle::Tokenizer& tokenizer = header_.tokenizer();
    sections.emplace_back("tokenizer.text", &tokenizer.text());
    sections.emplace_back("tokenizer.offsets", &tokenizer.offsets());
    sections.emplace_back("tokenizer.slots", &tokenizer.slots());
    sections.emplace_back("tokenizer.merges", &tokenizer.merges());
  }
  return sections;
}

absl::Status Bundle::CheckSections() const {
  const uint64_t file_bytes = file_.bytes().size();
  for (const auto& [name, section] : AllSections()) {
    if (section->offset() % kSectionAlignment != 0 || section->offset() < header_end_ ||
        section->offset() > file_bytes || section->bytes() > file_bytes - section->offset() ||
        section->sha256().size() != base::Digest().size()) {
      return Damaged(absl::StrCat("section ", name, " lies outside the file"));
    }
  }
  if (header_.code_start() % kPage != 0 || header_.code_start() >= header_.code().bytes()) {
    return Damaged("the code's start is wrong");
  }
  return absl::OkStatus();
}

absl::string_view Bundle::Bytes(const Section& section) const {
  return file_.text().substr(section.offset(), section.bytes());
}

absl::Status Bundle::CheckHash(const Section& section, absl::string_view name) const {
  if (HasHash(section, Bytes(section))) return absl::OkStatus();
  return Damaged(absl::StrCat("the hash of section ", name, " is wrong"));
}

absl::StatusOr<runtime::Program> Bundle::ReadProgram() const {
  const ProgramLimits limits{static_cast<int64_t>(header_.weights().bytes()), header_.code_start(),
                             header_.code().bytes()};
  absl::StatusOr<runtime::Program> program = FromMessage(header_.program(), limits);
  if (!program.ok()) return Damaged(program.status().message());
  return program;
}

absl::StatusOr<Runnable> Bundle::Prepare() const {
  if (is_for_gpu()) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 absl::StrCat("its code is for a GPU, ", isa(), ", and for no CPU"));
  }
  const absl::Status features =
      runtime::CheckCpuFeatures({header_.cpu_features().begin(), header_.cpu_features().end()});
  if (!features.ok()) {
    return Error(features.code(), absl::StrCat("its code cannot run here: ", features.message()));
  }
  ASSIGN_OR_RETURN(runtime::Program program, ReadProgram());
  ASSIGN_OR_RETURN(Code code, Code::Load(Bytes(header_.code()), header_.code_start()));
  // The copy is hashed, and only then are there pointers into it.
  if (!HasHash(header_.code(), code.bytes())) return Damaged("the hash of section code is wrong");
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    program.kernels[i].fn = code.At(header_.program().kernels(static_cast<int>(i)).entry());
  }
  return Runnable{std::move(code), std::move(program)};
}

absl::StatusOr<GpuRunnable> Bundle::PrepareForGpu() const {
  if (!is_for_gpu()) {
    return Error(absl::StatusCode::kFailedPrecondition, "its code is for a CPU alone");
  }
  ASSIGN_OR_RETURN(runtime::Program program, ReadProgram());
  // A copy: what was hashed is what is read.
  const std::string code(Bytes(header_.code()));
  if (!HasHash(header_.code(), code)) return Damaged("the hash of section code is wrong");
  absl::StatusOr<GpuPart> part = DecodeGpuCode(header_.gpu(), code);
  if (!part.ok()) return Damaged(part.status().message());
  for (const runtime::Kernel& kernel : program.kernels) {
    if (part->kernels.count(kernel.name) == 0) {
      return Damaged(absl::StrCat("there is no code of the kernel ", kernel.name));
    }
  }
  return GpuRunnable{*std::move(part), std::move(program)};
}

absl::StatusOr<tokenizer::Tokenizer> Bundle::Tokenizer() const {
  if (!has_tokenizer()) return Error(absl::StatusCode::kNotFound, "has no tokenizer");
  const bundle::Tokenizer& message = header_.tokenizer();
  for (const auto& [name, section] : AllSections()) {
    if (!absl::StartsWith(name, "tokenizer.")) continue;
    RETURN_IF_ERROR(CheckHash(*section, name));
  }
  tokenizer::TokenizerTables tables = OptionsOf(message);
  tables.vocabulary.text = ArrayOf<char>(Bytes(message.text()));
  tables.vocabulary.offsets = ArrayOf<uint32_t>(Bytes(message.offsets()));
  tables.vocabulary.slots = ArrayOf<int32_t>(Bytes(message.slots()));
  tables.merges = ArrayOf<tokenizer::MergeSlot>(Bytes(message.merges()));
  absl::StatusOr<tokenizer::Tokenizer> tokenizer = tokenizer::Tokenizer::FromTables(tables);
  if (!tokenizer.ok()) return Damaged(tokenizer.status().message());
  return tokenizer;
}

std::string Bundle::weights_sha256() const {
  return absl::BytesToHexString(header_.weights().sha256());
}

std::string Bundle::code_sha256() const { return absl::BytesToHexString(header_.code().sha256()); }

std::string Bundle::ir_sha256() const { return absl::BytesToHexString(header_.ir().sha256()); }

absl::StatusOr<absl::string_view> Bundle::Ir() const {
  RETURN_IF_ERROR(CheckHash(header_.ir(), "ir"));
  return Bytes(header_.ir());
}

absl::Status Bundle::Verify() const {
  std::vector<std::pair<uint64_t, uint64_t>> used = {{0, header_end_}};
  for (const auto& [name, section] : AllSections()) {
    RETURN_IF_ERROR(CheckHash(*section, name));
    used.emplace_back(section->offset(), section->offset() + section->bytes());
  }
  // Between the parts there is nothing but zeros.
  std::sort(used.begin(), used.end());
  used.emplace_back(file_.bytes().size(), file_.bytes().size());
  uint64_t end = 0;
  for (const auto& [first, last] : used) {
    const absl::string_view gap =
        first > end ? file_.text().substr(end, first - end) : absl::string_view();
    if (gap.find_first_not_of('\0') != absl::string_view::npos) {
      return Damaged(absl::StrCat("bytes between its parts, from ", end, " on, are not zero"));
    }
    end = std::max(end, last);
  }
  return absl::OkStatus();
}

}  // namespace lluda::bundle
