// What `lluda embed` and `lluda rerank` read and write: JSON lines in, JSON lines or one document
// out.
//
//   absl::StatusOr<std::vector<TextInput>> texts =
//       ReadTexts("texts.jsonl", "{\"id\": \"a\", \"text\": \"one\"}\n");
//   EmbeddingLine({(*texts)[0].id, 0, 2, {0.6f, 0.8f}});
//   // {"index": 0, "id": "a", "tokens": 2, "embedding": [0.6, 0.8]}
#ifndef LLUDA_TOOLS_RUN_EMBEDDING_REPORT_H_
#define LLUDA_TOOLS_RUN_EMBEDDING_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::tools {

// What the user calls a line: its field `id`, a string, if it has one.
using LineId = std::optional<std::string>;

struct TextInput {
  std::string place;  // as errors call it: "stdin:2"
  LineId id;
  std::string text;
};

struct RerankInput {
  std::string place;  // as in TextInput
  LineId id;
  std::string query;
  std::vector<std::string> documents;
};

struct EmbeddingRow {
  LineId id;
  int64_t index = 0;  // among the texts, from 0
  int64_t tokens = 0;
  std::vector<float> embedding;
};

struct RerankRow {
  LineId id;
  int64_t index = 0;           // among the queries, from 0
  std::vector<double> scores;  // of the documents, in their order
};

// Lines {"text": ...}. InvalidArgument, naming the line and the field, for any other.
absl::StatusOr<std::vector<TextInput>> ReadTexts(const std::string& label, absl::string_view input);
// Lines {"query": ..., "documents": [...]}; a line may lack the query if `query` is given.
absl::StatusOr<std::vector<RerankInput>> ReadQueries(const std::string& label,
                                                     absl::string_view input,
                                                     const std::optional<std::string>& query);

std::string EmbeddingLine(const EmbeddingRow& row);
std::string EmbeddingsJson(const std::vector<EmbeddingRow>& rows);

// The documents come with the best first; of equal scores the first one does.
std::string RerankLine(const RerankRow& row);
std::string RerankJson(const std::vector<RerankRow>& rows);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_RUN_EMBEDDING_REPORT_H_
