// The keys of a GGUF file, read by type; every error names file, key and reason:
//
//   model.gguf: key 'qwen3.block_count': must be an integer from 1 to 4096, is -1
//   model.gguf: key 'tokenizer.ggml.tokens' is missing
//
// Integers are read whatever type the file has for them. A number that is f32 there is the shortest
// decimal that gives this f32, as the file's makers wrote it: 1e-06, not 9.99999997e-07.
//
// Example:
//   const Metadata metadata("model.gguf", container.entries);
//   absl::StatusOr<std::string> architecture = metadata.String("general.architecture");
#ifndef LLUDA_FRONTENDS_GGUF_FILE_METADATA_H_
#define LLUDA_FRONTENDS_GGUF_FILE_METADATA_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/container.h"

namespace lluda::frontends::gguf {

// Points into the file, as its entries do. The getters require the key: absent, of another type and
// out of range are InvalidArgument.
class Metadata {
 public:
  Metadata(std::string label, const std::vector<Entry>& entries);

  const std::string& label() const { return label_; }

  // Null if the file has no such key.
  const Entry* Find(absl::string_view key) const;
  bool Has(absl::string_view key) const { return Find(key) != nullptr; }
  // Those whose keys begin so, in alphabetical order.
  std::vector<const Entry*> WithPrefix(absl::string_view prefix) const;

  absl::StatusOr<int64_t> Int(absl::string_view key, int64_t min, int64_t max) const;
  // An integer or a float; finite.
  absl::StatusOr<double> Number(absl::string_view key) const;
  absl::StatusOr<bool> Bool(absl::string_view key) const;
  // Valid UTF-8.
  absl::StatusOr<absl::string_view> String(absl::string_view key) const;
  // Any bytes.
  absl::StatusOr<std::vector<absl::string_view>> Strings(absl::string_view key) const;
  // An array, or one alone.
  absl::StatusOr<std::vector<int64_t>> Ints(
      absl::string_view key, int64_t min = std::numeric_limits<int64_t>::min(),
      int64_t max = std::numeric_limits<int64_t>::max()) const;
  absl::StatusOr<std::vector<float>> Floats(absl::string_view key) const;

  // "<file>: key '<key>': <reason>"
  absl::Status Error(absl::string_view key, absl::string_view reason) const;

 private:
  absl::StatusOr<const Entry*> Get(absl::string_view key) const;

  std::string label_;
  absl::flat_hash_map<absl::string_view, Entry> entries_;
};

// The shortest decimal that reads back as `value`: "1e-06", "0.1".
std::string ShortestDecimal(float value);

// One line of what an entry holds, cut if it is long: "32", "'llama'", "[151936 strings]".
std::string DescribeValue(const Entry& entry);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_FILE_METADATA_H_
