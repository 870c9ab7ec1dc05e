#include "serve/api/embeddings.h"

#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "serve/api/fields.h"
#include "serve/api/prompt_field.h"

namespace lluda::api {
namespace {

constexpr size_t kMostInputs = 2048;
constexpr SizeBounds kLabelSize = {0, 1024};

constexpr FieldRow<EmbeddingsRequest> kRows[] = {
    {"model", kEverywhere,
     [](const Field& f, EmbeddingsRequest* r) { return ReadString(f, kLabelSize, &r->model); }},
    {"input", kEverywhere,
     [](const Field& f, EmbeddingsRequest* r) {
       return ReadPrompts(f, r->vocabulary, kMostInputs, &r->inputs);
     }},
    {"dimensions", kEverywhere,
     [](const Field& f, EmbeddingsRequest* r) {
       return ReadInt(f, {1, std::numeric_limits<int32_t>::max()}, &r->dimensions);
     }},
    {"encoding_format", kEverywhere,
     [](const Field& f, EmbeddingsRequest* r) -> Refusal {
       std::string format;
       if (Refusal refusal = ReadString(f, kLabelSize, &format)) return refusal;
       r->base64 = format == "base64";
       if (r->base64 || format == "float") return std::nullopt;
       return FieldError(
           f, "unsupported_value",
           absl::StrCat("must be float or base64, is \"", base::QuoteName(format), "\""));
     }},
    {"user", kEverywhere, [](const Field&, EmbeddingsRequest*) -> Refusal { return std::nullopt; }},
};

std::string Base64Of(const std::vector<float>& vector) {
  std::string bytes;
  for (const float number : vector) {
    uint32_t bits;
    std::memcpy(&bits, &number, sizeof(bits));
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xff);
  }
  return absl::Base64Escape(bytes);
}

}  // namespace

Refusal ReadEmbeddingsRequest(absl::string_view body, const ReadOptions& options,
                              EmbeddingsRequest* request) {
  request->vocabulary = options.vocabulary;
  if (Refusal refusal = ReadBody(body, absl::MakeConstSpan(kRows), kEverywhere,
                                 options.strict_fields, &request->ignored, request)) {
    return refusal;
  }
  if (!request->inputs.empty()) return std::nullopt;
  return MissingField("input");
}

std::string EmbeddingsJson(const std::string& model, absl::Span<const std::vector<float>> vectors,
                           bool base64, int64_t tokens) {
  base::JsonWriter json;
  json.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (size_t i = 0; i < vectors.size(); ++i) {
    json.BeginObject().Key("object").String("embedding");
    json.Key("index").Int(static_cast<int64_t>(i)).Key("embedding");
    if (base64) {
      json.String(Base64Of(vectors[i]));
    } else {
      json.Floats(vectors[i]);
    }
    json.EndObject();
  }
  json.EndArray().Key("model").String(model).Key("usage").BeginObject();
  json.Key("prompt_tokens").Int(tokens).Key("total_tokens").Int(tokens);
  return json.EndObject().EndObject().text();
}

}  // namespace lluda::api
