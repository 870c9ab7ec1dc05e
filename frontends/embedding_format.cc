#include "frontends/embedding_format.h"

#include <string_view>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files/mapped_file.h"
#include "base/json/json.h"
#include "base/status_macros.h"

namespace lluda::frontends {
namespace {

// Steps that are computed, by the last part of their class's name.
constexpr absl::string_view kPooling = "Pooling";
constexpr absl::string_view kSteps[] = {"Transformer", kPooling, "Normalize"};

// What pooling_mode calls the last token, and the switches that say the same in older files.
constexpr absl::string_view kLastToken = "lasttoken";
constexpr absl::string_view kSwitch = "pooling_mode_";
constexpr absl::string_view kLastTokenSwitch = "pooling_mode_lasttoken";

absl::Status Refuse(const std::string& path, absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(
      path, ": ", what, " is not supported; an embedding is the last token's hidden state"));
}

// Where the pooling's config.json lies. modules.json is a list, which no JsonDocument is: it is read
// as a field of one.
absl::StatusOr<std::string> PoolingFolder(const std::string& folder) {
  std::string pooling = "1_Pooling";
  const std::string path = absl::StrCat(folder, "/modules.json");
  const absl::StatusOr<base::MappedFile> file = base::MappedFile::Open(path);
  if (absl::IsNotFound(file.status())) return pooling;
  if (!file.ok()) return file.status();
  ASSIGN_OR_RETURN(
      const base::JsonDocument document,
      base::JsonDocument::Parse(path, absl::StrCat("{\"modules\": ", file->text(), "}")));
  simdjson::dom::array modules;
  if (document.root().dom()["modules"].get(modules)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": must be a list of modules"));
  }
  for (const simdjson::dom::element module : modules) {
    std::string_view type, place;
    if (module["type"].get(type)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": a module has no type"));
    }
    const absl::string_view step = base::ToAbsl(type.substr(type.rfind('.') + 1));
    if (!absl::c_linear_search(kSteps, step)) {
      return Refuse(path, absl::StrCat("module '", base::QuoteName(base::ToAbsl(type)), "'"));
    }
    if (step == kPooling && !module["path"].get(place)) pooling = std::string(place);
  }
  return pooling;
}

absl::Status CheckPooling(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string pooling, PoolingFolder(folder));
  const std::string path = absl::StrCat(folder, "/", pooling, "/config.json");
  const absl::StatusOr<base::JsonDocument> document = base::JsonDocument::Load(path);
  if (absl::IsNotFound(document.status())) return absl::OkStatus();
  if (!document.ok()) return document.status();
  const base::JsonObject root = document->root();
  if (root.HasValue("pooling_mode")) {
    ASSIGN_OR_RETURN(const std::string mode, root.String("pooling_mode"));
    if (mode == kLastToken) return absl::OkStatus();
    return Refuse(path, absl::StrCat("pooling_mode '", base::QuoteName(mode), "'"));
  }
  bool has_last = false;
  for (const simdjson::dom::key_value_pair field : root.dom()) {
    const absl::string_view key = base::ToAbsl(field.key);
    if (!absl::StartsWith(key, kSwitch)) continue;
    ASSIGN_OR_RETURN(const bool is_on, root.Bool(key));
    if (is_on && key != kLastTokenSwitch) return Refuse(path, base::QuoteName(key));
    has_last |= is_on;
  }
  // Where no switch is on, sentence-transformers takes the mean.
  return has_last ? absl::OkStatus() : Refuse(path, "pooling by the mean");
}

}  // namespace

absl::StatusOr<EmbeddingFormat> ReadEmbeddingFormat(const std::string& folder) {
  RETURN_IF_ERROR(CheckPooling(folder));
  EmbeddingFormat format;
  const absl::StatusOr<base::JsonDocument> document =
      base::JsonDocument::Load(absl::StrCat(folder, "/config_sentence_transformers.json"));
  if (absl::IsNotFound(document.status())) return format;
  if (!document.ok()) return document.status();
  const base::JsonObject root = document->root();
  if (root.HasValue("prompts")) {
    ASSIGN_OR_RETURN(const base::JsonObject prompts, root.Object("prompts"));
    for (const simdjson::dom::key_value_pair field : prompts.dom()) {
      const std::string name(field.key);
      ASSIGN_OR_RETURN(std::string text, prompts.String(name));
      format.prompts.emplace_back(name, std::move(text));
    }
  }
  if (root.HasValue("default_prompt_name")) {
    ASSIGN_OR_RETURN(format.default_prompt, root.String("default_prompt_name"));
    const absl::Status known = PromptOf(format, format.default_prompt).status();
    if (!known.ok()) return root.FieldError("default_prompt_name", known.message());
  }
  return format;
}

absl::StatusOr<std::string> PromptOf(const EmbeddingFormat& format, absl::string_view name) {
  if (name.empty()) name = format.default_prompt;
  if (name.empty()) return std::string();
  std::vector<absl::string_view> known;
  for (const auto& [key, text] : format.prompts) {
    if (key == name) return text;
    known.push_back(key);
  }
  return absl::NotFoundError(
      absl::StrCat("there is no prompt '", base::QuoteName(name), "'; ",
                   known.empty() ? "the model has none"
                                 : absl::StrCat("the model has ", absl::StrJoin(known, ", "))));
}

}  // namespace lluda::frontends
