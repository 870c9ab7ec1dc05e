// A JSON file of a tokenizer's folder, read and parsed.
//
//   absl::StatusOr<JsonFile> file = JsonFile::Load("/models/a/tokenizer.json");
//   absl::StatusOr<base::JsonValue> model = file->root().Get("model");
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_JSON_FILE_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_JSON_FILE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/json/json_value.h"

namespace lluda::tokenizer {

// The bytes of a regular file. NotFound if there is none; PermissionDenied or InvalidArgument,
// naming the file, if it cannot be read, or is no file, or too large for one of a tokenizer.
absl::StatusOr<simdjson::padded_string> LoadTokenizerFile(const std::string& path);

// A token's id: an integer from 0 to kLargestId.
inline constexpr int64_t kLargestId = 2147483647;
absl::StatusOr<int32_t> ReadId(const base::JsonValue& json);

// Values in it are valid as long as it is, moved or not.
class JsonFile {
 public:
  // As LoadTokenizerFile; InvalidArgument if the text is not valid JSON.
  static absl::StatusOr<JsonFile> Load(const std::string& path);
  // The same for a text; `name` is what messages call it.
  static absl::StatusOr<JsonFile> Parse(std::string_view json, const std::string& name);

  const base::JsonValue& root() const { return root_; }

 private:
  JsonFile(std::unique_ptr<simdjson::dom::parser> parser, base::JsonValue root)
      : parser_(std::move(parser)), root_(std::move(root)) {}
  static absl::StatusOr<JsonFile> Create(
      std::unique_ptr<simdjson::dom::parser> parser,
      const simdjson::simdjson_result<simdjson::dom::element>& document, const std::string& name);

  std::unique_ptr<simdjson::dom::parser> parser_;  // owns what root_ points to
  base::JsonValue root_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_JSON_FILE_H_
