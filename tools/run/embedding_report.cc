#include "tools/run/embedding_report.h"

#include <algorithm>
#include <numeric>

#include "base/json/json_lines.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"

namespace lluda::tools {
namespace {

absl::StatusOr<LineId> IdOf(const base::JsonObject& line) {
  LineId id;
  if (!line.HasValue("id")) return id;
  ASSIGN_OR_RETURN(id, line.String("id"));
  return id;
}

// The fields of an object that is begun; the object, ended.
base::JsonWriter& AddIndex(int64_t index, const LineId& id, base::JsonWriter* json) {
  json->Key("index").Int(index);
  if (id.has_value()) json->Key("id").String(*id);
  return *json;
}

base::JsonWriter& AddRow(const EmbeddingRow& row, base::JsonWriter* json) {
  AddIndex(row.index, row.id, &json->BeginObject()).Key("tokens").Int(row.tokens);
  json->Key("embedding").Floats(row.embedding);
  return json->EndObject();
}

base::JsonWriter& AddRow(const RerankRow& row, base::JsonWriter* json) {
  std::vector<size_t> order(row.scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return row.scores[a] > row.scores[b]; });
  AddIndex(row.index, row.id, &json->BeginObject()).Key("results").BeginArray();
  for (const size_t document : order) {
    json->BeginObject().Key("index").Int(static_cast<int64_t>(document));
    json->Key("relevance_score").Number(row.scores[document]).EndObject();
  }
  return json->EndArray().EndObject();
}

template <typename Row>
std::string Document(const char* schema, const char* key, const std::vector<Row>& rows) {
  base::JsonWriter json;
  json.BeginDocument(schema).Key(key).BeginArray();
  for (const Row& row : rows) AddRow(row, &json);
  return json.EndArray().EndDocument();
}

template <typename Row>
std::string Line(const Row& row) {
  base::JsonWriter json;
  return AddRow(row, &json).text() + "\n";
}

}  // namespace

absl::StatusOr<std::vector<TextInput>> ReadTexts(const std::string& label,
                                                 absl::string_view input) {
  std::vector<TextInput> texts;
  RETURN_IF_ERROR(base::ForEachJsonLine(
      label, input, [&](const base::JsonObject& line, const std::string& place) {
        TextInput text;
        text.place = place;
        ASSIGN_OR_RETURN(text.id, IdOf(line));
        ASSIGN_OR_RETURN(text.text, line.String("text"));
        texts.push_back(std::move(text));
        return absl::OkStatus();
      }));
  return texts;
}

absl::StatusOr<std::vector<RerankInput>> ReadQueries(const std::string& label,
                                                     absl::string_view input,
                                                     const std::optional<std::string>& query) {
  std::vector<RerankInput> queries;
  RETURN_IF_ERROR(base::ForEachJsonLine(
      label, input, [&](const base::JsonObject& line, const std::string& place) {
        RerankInput asked;
        asked.place = place;
        ASSIGN_OR_RETURN(asked.id, IdOf(line));
        if (query.has_value() && !line.HasValue("query")) {
          asked.query = *query;
        } else {
          ASSIGN_OR_RETURN(asked.query, line.String("query"));
        }
        ASSIGN_OR_RETURN(asked.documents, line.Strings("documents"));
        queries.push_back(std::move(asked));
        return absl::OkStatus();
      }));
  return queries;
}

std::string EmbeddingLine(const EmbeddingRow& row) { return Line(row); }
std::string EmbeddingsJson(const std::vector<EmbeddingRow>& rows) {
  return Document("lluda.embed/1", "embeddings", rows);
}

std::string RerankLine(const RerankRow& row) { return Line(row); }
std::string RerankJson(const std::vector<RerankRow>& rows) {
  return Document("lluda.rerank/1", "queries", rows);
}

}  // namespace lluda::tools
