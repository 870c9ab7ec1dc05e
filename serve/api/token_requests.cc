#include "serve/api/token_requests.h"

#include <simdjson.h>

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "serve/api/fields.h"

namespace lluda::api {
namespace {

constexpr SizeBounds kAnySize = {0, SIZE_MAX};

template <auto Member>
Refusal Flag(const Field& field, TokenizeRequest* out) {
  return ReadBool(field, &(out->*Member));
}

constexpr FieldRow<TokenizeRequest> kTokenize[] = {
    {"content", kEverywhere,
     [](const Field& f, TokenizeRequest* r) {
       r->has_content = true;
       return ReadString(f, kAnySize, &r->content);
     }},
    {"add_special", kEverywhere, &Flag<&TokenizeRequest::add_special>},
    {"parse_special", kEverywhere, &Flag<&TokenizeRequest::parse_special>},
    {"with_pieces", kEverywhere, &Flag<&TokenizeRequest::with_pieces>},
};

Refusal ReadTokens(const Field& field, DetokenizeRequest* out) {
  out->has_tokens = true;
  const int64_t last = std::min<int64_t>(out->vocabulary - 1, std::numeric_limits<int32_t>::max());
  return ReadList(field, kAnySize, [&](const Field& item) -> Refusal {
    int64_t id = 0;
    if (Refusal refusal = ReadInt(item, {0, last}, &id)) return refusal;
    out->tokens.push_back(static_cast<int32_t>(id));
    return std::nullopt;
  });
}

constexpr FieldRow<DetokenizeRequest> kDetokenize[] = {{"tokens", kEverywhere, &ReadTokens}};

// Reads the whole of a body by a table.
template <typename T>
Refusal ReadBody(absl::string_view body, absl::Span<const FieldRow<T>> rows,
                 const ReadOptions& options, T* out) {
  const absl::StatusOr<base::JsonDocument> document =
      base::JsonDocument::Parse("the request's body", body);
  if (!document.ok()) {
    return ApiError{400, "invalid_json", "", std::string(document.status().message())};
  }
  if (Refusal refusal =
          ReadMembers("", document->root().dom(), ByTable(rows, kEverywhere, &out->ignored, out))) {
    return refusal;
  }
  if (!options.strict_fields || out->ignored.empty()) return std::nullopt;
  return ApiError{400, "unsupported_parameter", out->ignored.front(),
                  absl::StrCat(out->ignored.front(), ": is unknown")};
}

Refusal Missing(absl::string_view name) {
  return ApiError{400, "missing_required_parameter", std::string(name),
                  absl::StrCat(name, ": is missing")};
}

}  // namespace

Refusal ReadTokenizeRequest(absl::string_view body, const ReadOptions& options,
                            TokenizeRequest* request) {
  if (Refusal refusal = ReadBody(body, absl::MakeConstSpan(kTokenize), options, request)) {
    return refusal;
  }
  return request->has_content ? std::nullopt : Missing("content");
}

Refusal ReadDetokenizeRequest(absl::string_view body, const ReadOptions& options,
                              DetokenizeRequest* request) {
  request->vocabulary = options.vocabulary;
  if (Refusal refusal = ReadBody(body, absl::MakeConstSpan(kDetokenize), options, request)) {
    return refusal;
  }
  return request->has_tokens ? std::nullopt : Missing("tokens");
}

std::string TokensJson(const tokenizer::Tokenizer& tokenizer, const std::vector<int32_t>& tokens,
                       bool with_pieces) {
  base::JsonWriter json;
  json.BeginObject().Key("tokens");
  if (!with_pieces) return json.Numbers(tokens).EndObject().text();
  json.BeginArray();
  for (const int32_t id : tokens) {
    const std::string_view bytes = tokenizer.TokenBytes(id);
    json.BeginObject().Key("id").Int(id).Key("piece");
    if (simdjson::validate_utf8(bytes.data(), bytes.size())) {
      json.String(base::ToAbsl(bytes));
    } else {
      json.BeginArray();
      for (const char c : bytes) json.Int(static_cast<unsigned char>(c));
      json.EndArray();
    }
    json.EndObject();
  }
  return json.EndArray().EndObject().text();
}

}  // namespace lluda::api
