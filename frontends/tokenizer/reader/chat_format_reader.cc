#include "frontends/tokenizer/reader/chat_format_reader.h"

#include <absl/status/status.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/json/json_value.h"
#include "base/status_macros.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/reader/tokenizer_config.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

using std::filesystem::path;

constexpr char kJinjaFile[] = "chat_template.jinja";
constexpr char kMoreFolder[] = "additional_chat_templates";
constexpr char kField[] = "chat_template";
// Those that hold the field, the first that does counts.
constexpr const char* kJsonFiles[] = {"tokenizer_config.json", "chat_template.json"};

absl::StatusOr<NamedTemplate> ReadTemplate(const std::string& file, std::string name) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(file, error);
  if (!error && size > jinja::kMostSourceBytes) {
    return absl::InvalidArgumentError(
        Concat(file, ": a template has at most ", jinja::kMostSourceBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const simdjson::padded_string text, LoadTokenizerFile(file));
  return NamedTemplate{std::move(name), file, std::string(std::string_view(text))};
}

// The files NAME.jinja of a folder, by name; none where there is no such folder.
absl::Status ReadMore(const path& folder, std::vector<NamedTemplate>* templates) {
  std::vector<path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".jinja") files.push_back(it->path());
  }
  const bool is_none =
      error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  if (error && !is_none) {
    return absl::FailedPreconditionError(
        Concat(folder.string(), ": cannot be read: ", error.message()));
  }
  std::sort(files.begin(), files.end());
  for (const path& file : files) {
    ASSIGN_OR_RETURN(NamedTemplate named, ReadTemplate(file.string(), file.stem().string()));
    templates->push_back(std::move(named));
  }
  return absl::OkStatus();
}

// A text, or a list of {name, template}.
absl::Status ReadField(const base::JsonValue& field, const std::string& file,
                       std::vector<NamedTemplate>* templates) {
  const std::string origin = Concat(file, ": ", kField);
  if (field.String().ok()) {
    templates->push_back({"default", origin, std::string(*field.String())});
    return absl::OkStatus();
  }
  const absl::StatusOr<simdjson::dom::array> list = field.Array();
  if (!list.ok()) return field.Error("is neither a string nor a list of named templates");
  size_t index = 0;
  for (const simdjson::dom::element element : *list) {
    const base::JsonValue entry = field.Item(element, index);
    ASSIGN_OR_RETURN(const std::string_view name, entry.GetString("name"));
    ASSIGN_OR_RETURN(const std::string_view source, entry.GetString("template"));
    templates->push_back(
        {std::string(name), Concat(origin, "[", index++, "].template"), std::string(source)});
  }
  if (templates->empty()) return field.Error("is an empty list");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedTemplate>> ReadTemplates(const path& folder) {
  std::vector<NamedTemplate> templates;
  absl::StatusOr<NamedTemplate> own = ReadTemplate((folder / kJinjaFile).string(), "default");
  if (own.ok()) {
    templates.push_back(*std::move(own));
    RETURN_IF_ERROR(ReadMore(folder / kMoreFolder, &templates));
    return templates;
  }
  if (!absl::IsNotFound(own.status())) return own.status();
  for (const char* const name : kJsonFiles) {
    const std::string file = (folder / name).string();
    const absl::StatusOr<JsonFile> json = JsonFile::Load(file);
    if (absl::IsNotFound(json.status())) continue;
    RETURN_IF_ERROR(json);
    ASSIGN_OR_RETURN(const std::optional<base::JsonValue> field, json->root().GetOptional(kField));
    if (!field.has_value()) continue;
    RETURN_IF_ERROR(ReadField(*field, file, &templates));
    return templates;
  }
  const std::string config = (folder / kJsonFiles[0]).string();
  std::error_code error;
  return absl::NotFoundError(std::filesystem::exists(config, error)
                                 ? Concat(config, ": field '", kField, "' is missing")
                                 : Concat(config, ": no such file, so no chat_template"));
}

}  // namespace

absl::StatusOr<ChatFormat> ReadChatFormat(const std::string& folder) {
  ChatFormat format;
  ASSIGN_OR_RETURN(format.templates, ReadTemplates(folder));
  std::error_code error;
  const bool has_json = std::filesystem::exists(path(folder) / "tokenizer.json", error);
  ASSIGN_OR_RETURN(TokenizerConfig config, ReadTokenizerConfig(folder, has_json));
  format.special_tokens = std::move(config.role_contents);
  return format;
}

absl::StatusOr<ChatFormat> WithTemplateOf(const std::string& path, absl::StatusOr<ChatFormat> own) {
  if (path.empty()) return own;
  ChatFormat format = own.ok() ? *std::move(own) : ChatFormat();
  ASSIGN_OR_RETURN(NamedTemplate named, ReadTemplate(path, "default"));
  format.templates = {std::move(named)};
  return format;
}

}  // namespace lluda::tokenizer
