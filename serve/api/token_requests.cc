#include "serve/api/token_requests.h"

#include <simdjson.h>

#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "serve/api/fields.h"
#include "serve/api/prompt_field.h"

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

constexpr FieldRow<DetokenizeRequest> kDetokenize[] = {
    {"tokens", kEverywhere, [](const Field& f, DetokenizeRequest* r) {
       r->has_tokens = true;
       return ReadTokens(f, r->vocabulary, /*least=*/0, &r->tokens);
     }}};

}  // namespace

Refusal ReadTokenizeRequest(absl::string_view body, const ReadOptions& options,
                            TokenizeRequest* request) {
  if (Refusal refusal = ReadBody(body, absl::MakeConstSpan(kTokenize), kEverywhere,
                                 options.strict_fields, &request->ignored, request)) {
    return refusal;
  }
  return request->has_content ? std::nullopt : MissingField("content");
}

Refusal ReadDetokenizeRequest(absl::string_view body, const ReadOptions& options,
                              DetokenizeRequest* request) {
  request->vocabulary = options.vocabulary;
  if (Refusal refusal = ReadBody(body, absl::MakeConstSpan(kDetokenize), kEverywhere,
                                 options.strict_fields, &request->ignored, request)) {
    return refusal;
  }
  return request->has_tokens ? std::nullopt : MissingField("tokens");
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
