#include "serve/app.h"

#include <sys/random.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "engine/grammar/constraint.h"
#include "serve/answer.h"
#include "serve/api/embeddings.h"
#include "serve/api/generation_request.h"
#include "serve/api/multipart.h"
#include "serve/api/token_requests.h"
#include "serve/api/transcription_request.h"
#include "serve/constraints.h"
#include "serve/page.h"
#include "serve/prompts.h"
#include "serve/transcription.h"

namespace lluda::serve {

// The routes' needs.
enum class Needs : uint8_t { kNothing, kModel };
enum class Where : uint8_t { kLoop, kWorker };
enum class Body : uint8_t { kNone, kJson, kForm };

struct App::Route {
  absl::string_view method, path;  // a path that ends with '*' has all that begin like it
  bool is_public;                  // needs no key
  Needs needs;
  Where where;
  Body body;
  void (App::*answer)(Asked* asked);
};

const App::Route App::kRoutes[] = {
    {"GET", "/health", true, Needs::kNothing, Where::kLoop, Body::kNone, &App::Health},
    {"GET", "/metrics", false, Needs::kModel, Where::kLoop, Body::kNone, &App::Metrics},
    {"GET", "/", false, Needs::kNothing, Where::kLoop, Body::kNone, &App::Page},
    {"GET", "/fingerprint", false, Needs::kModel, Where::kLoop, Body::kNone, &App::Fingerprint},
    {"GET", "/v1/models", false, Needs::kModel, Where::kLoop, Body::kNone, &App::Models},
    {"GET", "/v1/models/*", false, Needs::kModel, Where::kLoop, Body::kNone, &App::OneModel},
    {"POST", "/v1/chat/completions", false, Needs::kModel, Where::kWorker, Body::kJson, &App::Chat},
    {"POST", "/v1/completions", false, Needs::kModel, Where::kWorker, Body::kJson,
     &App::Completions},
    {"POST", "/v1/embeddings", false, Needs::kModel, Where::kWorker, Body::kJson, &App::Embeddings},
    {"POST", "/v1/audio/transcriptions", false, Needs::kModel, Where::kWorker, Body::kForm,
     &App::Transcribe},
    {"POST", "/tokenize", false, Needs::kModel, Where::kWorker, Body::kJson, &App::Tokenize},
    {"POST", "/detokenize", false, Needs::kModel, Where::kWorker, Body::kJson, &App::Detokenize},
    {"POST", "/apply-template", false, Needs::kModel, Where::kWorker, Body::kJson,
     &App::ApplyTemplate},
};

struct App::Asked {
  http::Request request;
  std::shared_ptr<Call> call;
  AccessResult access;
  const ServedModel* model = nullptr;  // null only for routes that need none
};

namespace {

// What OpenAI's API has and this one has not. Not 501: clients would try again.
constexpr absl::string_view kUnsupported[] = {
    "/v1/responses", "/v1/rerank",  "/v1/moderations", "/v1/files",      "/v1/audio/*",
    "/v1/images/*",  "/v1/files/*", "/v1/batches",     "/v1/assistants",
};

constexpr int kWorkers = 2;
constexpr absl::string_view kOtherRoute = "other";
constexpr size_t kMostIgnoredText = 1024;
constexpr const char* kLoadingSeconds = "2";

bool Matches(absl::string_view pattern, absl::string_view path) {
  if (!absl::EndsWith(pattern, "*")) return pattern == path;
  pattern.remove_suffix(1);
  return absl::StartsWith(path, pattern) && path.size() > pattern.size();
}

uint64_t RandomBits() {
  uint64_t bits = 0;
  // The system has its randomness by the time that servers run.
  [[maybe_unused]] const ssize_t count = getrandom(&bits, sizeof(bits), 0);
  return bits;
}

std::string RandomId(absl::string_view prefix) {
  return absl::StrFormat("%s-%016x%08x", prefix, RandomBits(), RandomBits() >> 32);
}

// "%2F" of paths.
std::string Unescape(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const absl::string_view digits = text.substr(i + 1, 2);
    const bool is_escape = text[i] == '%' && digits.size() == 2 &&
                           absl::ascii_isxdigit(static_cast<unsigned char>(digits[0])) &&
                           absl::ascii_isxdigit(static_cast<unsigned char>(digits[1]));
    plain += is_escape ? absl::HexStringToBytes(digits) : std::string(1, text[i]);
    if (is_escape) i += 2;
  }
  return plain;
}

api::Refusal CheckBody(const http::Request& request, Body body) {
  if (body == Body::kNone) return std::nullopt;
  const std::string* header = request.Find("content-type");
  const absl::string_view type = header == nullptr ? "" : absl::string_view(*header);
  if (body == Body::kForm && !api::IsForm(type)) {
    return api::ApiError{415, "unsupported_media_type", "",
                         "the Content-Type must be multipart/form-data"};
  }
  const absl::string_view kind = absl::StripAsciiWhitespace(type.substr(0, type.find(';')));
  if (body == Body::kJson && !absl::EqualsIgnoreCase(kind, "application/json")) {
    return api::ApiError{415, "unsupported_media_type", "",
                         "the Content-Type must be application/json"};
  }
  if (request.Find("content-encoding") == nullptr) return std::nullopt;
  return api::ApiError{415, "unsupported_media_type", "",
                       "a body with a Content-Encoding is not read"};
}

void AddCors(const std::string& origin, std::vector<http::Header>* headers) {
  if (origin.empty()) return;
  headers->push_back({"Access-Control-Allow-Origin", origin});
  headers->push_back({"Access-Control-Expose-Headers",
                      "Retry-After, x-lluda-ignored, x-lluda-seed, x-request-id"});
  headers->push_back({"Vary", "Origin, Access-Control-Request-Headers"});
}

// The headers that a page's request may have: those it says it will, as clients have their own.
std::string AllowedHeaders(const http::Request& preflight) {
  constexpr const char* kNeeded = "Authorization, Content-Type";
  const std::string* asked = preflight.Find("access-control-request-headers");
  if (asked == nullptr) return kNeeded;
  for (const absl::string_view name : absl::StrSplit(*asked, ',')) {
    if (!http::IsToken(absl::StripAsciiWhitespace(name))) return kNeeded;
  }
  return *asked;
}

void WriteModel(const ServedModel& model, const std::string& id, base::JsonWriter* json) {
  json->BeginObject().Key("id").String(id).Key("object").String("model");
  json->Key("created").Int(model.created).Key("owned_by").String("lluda");
  json->Key("max_model_len").Int(model.texts.context).EndObject();
}

api::ApiError UnknownModel(const std::string& name, const ServedModel& model) {
  return {
      404, "model_not_found", "model",
      absl::StrCat("model: there is no '", base::QuoteName(name), "' here, but '", model.id, "'")};
}

}  // namespace

App::App(AppOptions options) : options_(std::move(options)), access_(options_.access) {}

absl::StatusOr<std::unique_ptr<App>> App::Create(AppOptions options) {
  std::unique_ptr<App> app(new App(std::move(options)));
  ASSIGN_OR_RETURN(app->workers_, Workers::Create(kWorkers));
  app->recorder_.counters = &app->counters_;
  app->recorder_.format = app->options_.write_log ? app->options_.log : LogFormat::kOff;
  app->recorder_.write = [app = app.get()](std::string line) {
    app->workers_->Post([app, line = std::move(line)] { app->options_.write_log(line); });
  };
  if (app->options_.write_text_log) {
    app->recorder_.write_text = [app = app.get()](std::string line) {
      app->workers_->Post([app, line = std::move(line)] { app->options_.write_text_log(line); });
    };
  }
  return app;
}

void App::Serve(const ServedModel* model) {
  model_ = model;
  // So that no request with a schema has to wait for it.
  if (model->trie) workers_->Post([model] { model->trie(); });
}

api::Refusal App::FindRoute(const http::Request& request, const Route** route,
                            std::string* allowed) {
  const absl::string_view asked = request.method;
  const absl::string_view method = asked == "HEAD" ? "GET" : asked;
  for (const Route& row : kRoutes) {
    if (!Matches(row.path, request.path)) continue;
    if (*route == nullptr) *route = &row;
    if (row.method == method) {
      *route = &row;
      return std::nullopt;
    }
    absl::StrAppend(allowed, allowed->empty() ? "" : ", ", row.method,
                    row.method == "GET" ? ", HEAD" : "");
  }
  if (!allowed->empty()) {
    return api::ApiError{405, "method_not_allowed", "",
                         absl::StrCat("the method for ", request.path, " is ", *allowed)};
  }
  for (const absl::string_view path : kUnsupported) {
    if (!Matches(path, request.path)) continue;
    return api::ApiError{404, "unsupported_endpoint", "",
                         absl::StrCat(request.path, " is not served here")};
  }
  return api::ApiError{404, "unknown_url", "",
                       absl::StrCat("there is nothing at ", base::QuoteName(request.path))};
}

api::Refusal App::CheckRequest(const http::Request& request, const Route** route,
                               AccessResult* access, std::string* allowed) const {
  api::Refusal unknown = FindRoute(request, route, allowed);
  const bool is_metrics = *route != nullptr && (*route)->answer == &App::Metrics;
  const bool is_public =
      *route != nullptr && ((*route)->is_public || (is_metrics && options_.public_metrics));
  const bool is_preflight = request.method == "OPTIONS";
  *access = access_.Check(request, !is_public && !is_preflight);
  if (access->refusal) return access->refusal;
  if (is_preflight && !access->cors_origin.empty()) return std::nullopt;
  if (unknown) return unknown;
  return CheckBody(request, (*route)->body);
}

std::optional<http::Response> App::CheckHead(const http::Request& request) {
  const Route* route = nullptr;
  AccessResult access;
  std::string allowed;
  const api::Refusal refusal = CheckRequest(request, &route, &access, &allowed);
  LogEntry entry = {"", access.client, request.method, request.path, 0, 0, "", std::nullopt};
  const std::string label(route == nullptr ? kOtherRoute : route->path);
  if (!refusal && request.method == "OPTIONS") {
    http::Response response = {204,
                               {{"Access-Control-Allow-Methods", "GET, POST"},
                                {"Access-Control-Allow-Headers", AllowedHeaders(request)},
                                {"Access-Control-Max-Age", "600"}},
                               ""};
    AddCors(access.cors_origin, &response.headers);
    entry.status = response.status;
    recorder_.Record(label, entry);
    return response;
  }
  if (!refusal) return std::nullopt;
  http::Response response = serve::ErrorResponse(*refusal);
  if (refusal->status == 405) response.headers.push_back({"Allow", allowed});
  AddCors(access.cors_origin, &response.headers);
  entry.status = refusal->status;
  entry.error_code = refusal->code;
  recorder_.Record(label, entry);
  return response;
}

void App::Handle(http::Request request, std::shared_ptr<http::Responder> responder) {
  auto asked = std::make_shared<Asked>();
  const Route* route = nullptr;
  std::string allowed;
  CheckRequest(request, &route, &asked->access, &allowed);  // as CheckHead has found: nothing wrong
  LogEntry entry = {"", asked->access.client, request.method, request.path, 0, 0, "", std::nullopt};
  asked->call = std::make_shared<Call>(&recorder_, std::string(route->path), std::move(entry),
                                       std::move(responder));
  std::vector<http::Header> cors;
  AddCors(asked->access.cors_origin, &cors);
  for (http::Header& header : cors) {
    asked->call->AddHeader(std::move(header.name), std::move(header.value));
  }
  asked->request = std::move(request);
  asked->model = model_;
  if (route->needs == Needs::kModel && asked->model == nullptr) {
    asked->call->AddHeader("Retry-After", kLoadingSeconds);
    asked->call->Refuse({503, "loading", "", "the model is still being loaded"});
    return;
  }
  if (route->where == Where::kLoop) {
    (this->*route->answer)(asked.get());
  } else {
    workers_->Post([this, route, asked] { (this->*route->answer)(asked.get()); });
  }
}

http::Response App::ErrorResponse(const http::Error& error, const std::string& peer) {
  const LogEntry entry = {"", ClientOfPeer(peer), "",          "", error.status,
                          0,  error.code,         std::nullopt};
  recorder_.Record(std::string(kOtherRoute), entry);
  http::Response response = serve::ErrorResponse({error.status, error.code, "", error.message});
  if (error.status == 503) response.headers.push_back({"Retry-After", kLoadingSeconds});
  return response;
}

void App::Health(Asked* asked) {
  if (asked->model == nullptr) {
    asked->call->AddHeader("Retry-After", kLoadingSeconds);
    asked->call->Refuse({503, "loading", "", "the model is still being loaded"});
  } else if (is_draining_) {
    asked->call->Refuse({503, "draining", "", "the server is shutting down"});
  } else {
    asked->call->Respond(JsonResponse(200, "{\"status\": \"ok\"}"));
  }
}

void App::Metrics(Asked* asked) {
  const engine::Service* const service = asked->model->service;
  const std::unique_ptr<engine::ServiceStats> stats =
      service != nullptr ? service->Stats() : std::make_unique<engine::ServiceStats>();
  http::Response response = {
      200,
      {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {"Cache-Control", "no-store"}},
      MetricsText(*stats, counters_, connections_ ? connections_() : 0)};
  asked->call->Respond(std::move(response));
}

void App::Page(Asked* asked) { asked->call->Respond(PageResponse()); }

void App::Fingerprint(Asked* asked) {
  asked->call->Respond(JsonResponse(200, asked->model->fingerprint_json));
}

void App::Models(Asked* asked) {
  const ServedModel& model = *asked->model;
  base::JsonWriter json;
  json.BeginObject().Key("object").String("list").Key("data").BeginArray();
  WriteModel(model, model.id, &json);
  for (const std::string& alias : model.aliases) WriteModel(model, alias, &json);
  asked->call->Respond(JsonResponse(200, json.EndArray().EndObject().text()));
}

void App::OneModel(Asked* asked) {
  constexpr absl::string_view kPrefix = "/v1/models/";
  const std::string name = Unescape(absl::string_view(asked->request.path).substr(kPrefix.size()));
  if (!asked->model->IsCalled(name)) {
    asked->call->Refuse(UnknownModel(name, *asked->model));
    return;
  }
  base::JsonWriter json;
  WriteModel(*asked->model, name, &json);
  asked->call->Respond(JsonResponse(200, json.text()));
}

void App::NameIgnored(const std::vector<std::string>& names, Call* call) {
  if (names.empty()) return;
  for (const std::string& name : names) counters_.CountIgnored(name);
  std::string text = absl::CEscape(absl::StrJoin(names, ", "));
  if (text.size() > kMostIgnoredText) text = text.substr(0, kMostIgnoredText) + "...";
  call->AddHeader("x-lluda-ignored", std::move(text));
}

void App::Tokenize(Asked* asked) {
  api::TokenizeRequest request;
  const api::ReadOptions options = {asked->model->texts.vocabulary, options_.strict_fields};
  if (api::Refusal refusal = api::ReadTokenizeRequest(asked->request.body, options, &request)) {
    asked->call->Refuse(*refusal);
    return;
  }
  NameIgnored(request.ignored, asked->call.get());
  tokenizer::EncodeOptions encode;
  encode.add_special_tokens = request.add_special;
  encode.parse_special = request.parse_special;
  const tokenizer::Tokenizer& tokenizer = asked->model->tokenizer();
  asked->call->Respond(JsonResponse(
      200,
      api::TokensJson(tokenizer, tokenizer.Encode(request.content, encode), request.with_pieces)));
}

void App::Detokenize(Asked* asked) {
  api::DetokenizeRequest request;
  const api::ReadOptions options = {asked->model->texts.vocabulary, options_.strict_fields};
  if (api::Refusal refusal = api::ReadDetokenizeRequest(asked->request.body, options, &request)) {
    asked->call->Refuse(*refusal);
    return;
  }
  NameIgnored(request.ignored, asked->call.get());
  base::JsonWriter json;
  json.BeginObject().Key("content");
  json.String(asked->model->tokenizer().Decode(request.tokens, /*skip_special=*/false));
  asked->call->Respond(JsonResponse(200, json.EndObject().text()));
}

void App::ApplyTemplate(Asked* asked) {
  api::GenerationRequest request;
  const api::ReadOptions options = {asked->model->texts.vocabulary, options_.strict_fields};
  jinja::Text text;
  api::Refusal refusal =
      api::ReadGenerationRequest(api::Endpoint::kChat, asked->request.body, options, &request);
  if (!refusal) refusal = RenderChat(*asked->model, request, &text);
  if (refusal) {
    asked->call->Refuse(*refusal);
    return;
  }
  NameIgnored(request.ignored, asked->call.get());
  base::JsonWriter json;
  json.BeginObject().Key("prompt").String(text.bytes());
  asked->call->Respond(JsonResponse(200, json.EndObject().text()));
}

void App::Embeddings(Asked* asked) {
  const ServedModel& model = *asked->model;
  if (model.embed == nullptr) {
    asked->call->Refuse(
        {404, "unsupported_endpoint", "",
         absl::StrCat("the model '", model.id, "' writes texts; see --embeddings")});
    return;
  }
  if (RefusesMore(asked->call.get())) return;
  api::EmbeddingsRequest request;
  const api::ReadOptions read = {model.texts.vocabulary, options_.strict_fields};
  api::Refusal refusal = api::ReadEmbeddingsRequest(asked->request.body, read, &request);
  if (!refusal && !request.model.empty() && !model.IsCalled(request.model)) {
    refusal = UnknownModel(request.model, model);
  }
  std::vector<std::vector<int32_t>> texts;
  if (!refusal) refusal = InputTexts(model, request, &texts);
  if (refusal) {
    asked->call->Refuse(*refusal);
    return;
  }
  const auto vectors = model.embed(texts, request.dimensions);
  if (!vectors.ok()) {
    // Texts have been looked at: what is left is the number of dimensions.
    if (absl::IsInvalidArgument(vectors.status())) {
      asked->call->Refuse({400, "invalid_value", "dimensions",
                           absl::StrCat("dimensions: ", vectors.status().message())});
    } else {
      asked->call->Refuse(api::ErrorOf(vectors.status()));
    }
    return;
  }
  NameIgnored(request.ignored, asked->call.get());
  int64_t tokens = 0;
  for (const std::vector<int32_t>& text : texts) tokens += static_cast<int64_t>(text.size());
  asked->call->Respond(
      JsonResponse(200, api::EmbeddingsJson(request.model.empty() ? model.id : request.model,
                                            *vectors, request.base64, tokens)));
}

void App::Chat(Asked* asked) { Generate(api::Endpoint::kChat, asked); }

void App::Completions(Asked* asked) { Generate(api::Endpoint::kCompletions, asked); }

void App::Generate(api::Endpoint endpoint, Asked* asked) {
  const ServedModel& model = *asked->model;
  const bool is_chat = endpoint == api::Endpoint::kChat;
  const std::string id = RandomId(is_chat ? "chatcmpl" : "cmpl");
  asked->call->set_id(id);
  if (model.service == nullptr) {
    asked->call->Refuse({404, "unsupported_endpoint", "",
                         absl::StrCat("the model '", model.id, "' makes embeddings, no texts")});
    return;
  }
  if (RefusesMore(asked->call.get())) return;
  api::GenerationRequest request;
  const api::ReadOptions read = {model.texts.vocabulary, options_.strict_fields};
  api::Refusal refusal = api::ReadGenerationRequest(endpoint, asked->request.body, read, &request);
  asked->request.body.clear();
  asked->request.body.shrink_to_fit();
  if (!refusal && !request.model.empty() && !model.IsCalled(request.model)) {
    refusal = UnknownModel(request.model, model);
  }
  const int64_t seed = request.seed.value_or(static_cast<int64_t>(RandomBits() >> 1));
  std::vector<engine::ServiceRequest> requests;
  if (!refusal) refusal = MakeServiceRequests(model, endpoint, request, seed, &requests);
  if (refusal) {
    asked->call->Refuse(*refusal);
    return;
  }
  for (engine::ServiceRequest& one : requests) {
    one.client = asked->access.client;
    one.prefix_key = PrefixKey(asked->access.client, request.prefix_salt);
  }
  asked->call->AddHeader("x-lluda-seed", absl::StrCat(seed));
  NameIgnored(request.ignored, asked->call.get());
  AnswerOptions options;
  options.endpoint = endpoint;
  options.head = {id, static_cast<int64_t>(std::time(nullptr)),
                  request.model.empty() ? model.id : request.model, model.fingerprint};
  options.tokenizer = &model.tokenizer();
  options.choices = request.choices;
  options.constraint_param = ConstraintParam(request);
  options.wants_logprobs = request.wants_logprobs;
  options.stream = request.stream;
  options.include_usage = request.include_usage;
  options.cached_tokens = request.cached_tokens;
  options.seed = seed;
  options.keep_texts = options_.write_text_log != nullptr;
  if (is_chat) {
    options.split.starts_in_thought =
        grammar::BehindThought(model.tokenizer(), requests[0].prompt).in_thought;
    options.split.parallel_calls = request.parallel_tool_calls;
    if (request.tool_choice != api::ToolChoice::kNone) {
      for (const api::Tool& tool : request.tools) options.split.tool_names.push_back(tool.name);
    }
    options.split.call_key = absl::StrCat(seed, ":", absl::StrJoin(requests[0].prompt, ","));
  }
  const auto answer = std::make_shared<Answer>(asked->call, std::move(options));
  Remember(answer);
  answer->Start(model.service, std::move(requests));
}

std::string App::PrefixKey(const std::string& client, const std::string& salt) const {
  return absl::StrCat(options_.share_prefixes ? "" : client, "\n", salt);
}

bool App::RefusesMore(Call* call) const {
  if (!is_draining_) return false;
  call->AddHeader("Retry-After", kLoadingSeconds);
  call->Refuse({503, "draining", "", "the server is shutting down"});
  return true;
}

void App::Transcribe(Asked* asked) {
  const ServedModel& model = *asked->model;
  asked->call->set_id(RandomId("transcr"));
  if (RefusesMore(asked->call.get())) return;
  std::vector<api::FormPart> parts;
  api::TranscriptionRequest request;
  api::Refusal refusal =
      api::ReadForm(*asked->request.Find("content-type"), asked->request.body, &parts);
  if (!refusal) refusal = api::ReadTranscriptionRequest(parts, options_.strict_fields, &request);
  if (!refusal && !request.model.empty() && !model.IsCalled(request.model)) {
    refusal = UnknownModel(request.model, model);
  }
  const int64_t seed = request.seed.value_or(static_cast<int64_t>(RandomBits() >> 1));
  TranscriptionOptions options;
  std::vector<engine::ServiceRequest> requests;
  if (!refusal) refusal = MakeTranscription(model, request, seed, &options, &requests);
  asked->request.body.clear();
  asked->request.body.shrink_to_fit();
  if (refusal) {
    asked->call->Refuse(*refusal);
    return;
  }
  for (engine::ServiceRequest& one : requests) {
    one.client = asked->access.client;
    one.prefix_key = PrefixKey(asked->access.client, "");
  }
  asked->call->AddHeader("x-lluda-seed", absl::StrCat(seed));
  NameIgnored(request.ignored, asked->call.get());
  const auto answer = std::make_shared<Transcription>(asked->call, std::move(options));
  Remember(answer);
  answer->Start(model.service, std::move(requests));
}

void App::Remember(const std::shared_ptr<Pending>& answer) {
  const std::lock_guard<std::mutex> lock(answers_mutex_);
  // Those that have ended are let go when there are twice as many as when it was last done.
  if (answers_.size() == answers_.capacity()) {
    answers_.erase(std::remove_if(answers_.begin(), answers_.end(),
                                  [](const auto& one) { return one.expired(); }),
                   answers_.end());
  }
  answers_.push_back(answer);
}

void App::EndAll() {
  std::vector<std::weak_ptr<Pending>> answers;
  {
    const std::lock_guard<std::mutex> lock(answers_mutex_);
    answers.swap(answers_);
  }
  for (const std::weak_ptr<Pending>& one : answers) {
    if (const std::shared_ptr<Pending> answer = one.lock()) answer->Abort();
  }
}

}  // namespace lluda::serve
