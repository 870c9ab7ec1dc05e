#include "frontends/tokenizer/reader/json_file.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "base/status_macros.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// Far above any tokenizer.json, far below what would exhaust memory.
constexpr uint64_t kLargestFile = uint64_t{512} << 20;

}  // namespace

absl::StatusOr<simdjson::padded_string> LoadTokenizerFile(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    if (status.type() != std::filesystem::file_type::not_found) {
      return absl::FailedPreconditionError(Concat(path, ": cannot be opened: ", error.message()));
    }
    // Not the same as no file at all: the model has it, elsewhere.
    if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, error))) {
      return absl::FailedPreconditionError(Concat(path, ": links to a file that is not there"));
    }
    return absl::NotFoundError(Concat(path, ": no such file"));
  }
  // A device or a pipe might never end.
  if (!std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(Concat(path, ": is not a regular file"));
  }
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error || size > kLargestFile) {
    return absl::InvalidArgumentError(Concat(path, ": is larger than ", kLargestFile, " bytes"));
  }
  simdjson::padded_string text;
  if (simdjson::padded_string::load(path).get(text) != simdjson::SUCCESS) {
    return absl::PermissionDeniedError(Concat(path, ": cannot be read"));
  }
  return text;
}

absl::StatusOr<int32_t> ReadId(const base::JsonValue& json) {
  ASSIGN_OR_RETURN(const int64_t id, json.Int({0, kLargestId}));
  return static_cast<int32_t>(id);
}

absl::StatusOr<JsonFile> JsonFile::Load(const std::string& path) {
  ASSIGN_OR_RETURN(simdjson::padded_string text, LoadTokenizerFile(path));
  auto parser = std::make_unique<simdjson::dom::parser>();
  const auto document = parser->parse(text);
  return Create(std::move(parser), document, path);
}

absl::StatusOr<JsonFile> JsonFile::Parse(std::string_view json, const std::string& name) {
  auto parser = std::make_unique<simdjson::dom::parser>();
  const auto document = parser->parse(json.data(), json.size());
  return Create(std::move(parser), document, name);
}

absl::StatusOr<JsonFile> JsonFile::Create(
    std::unique_ptr<simdjson::dom::parser> parser,
    const simdjson::simdjson_result<simdjson::dom::element>& document, const std::string& name) {
  simdjson::dom::element element;
  const simdjson::error_code code = document.get(element);
  if (code != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(
        Concat(name, ": is not valid JSON: ", simdjson::error_message(code)));
  }
  return JsonFile(std::move(parser), base::JsonValue(element, name));
}

}  // namespace lluda::tokenizer
