// lluda serve: one model, many clients. SIGTERM and SIGINT let what has begun come to its end; a
// second one ends the process at once.
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/json/json_writer.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/output.h"
#include "engine/audio_encoder.h"
#include "engine/embed/embedder.h"
#include "engine/service/fingerprint.h"
#include "engine/service/service_plan.h"
#include "engine/service/service_thread.h"
#include "engine/transcribe/transcriber.h"
#include "frontends/tokenizer/reader/chat_format_reader.h"
#include "runtime/machine/memory_limit.h"
#include "serve/app.h"
#include "serve/http/server.h"
#include "serve/text_log.h"

namespace lluda::cli {
namespace {

constexpr int kDefaultPort = 8080;
constexpr int64_t kOtherFiles = 64;  // descriptors beside those of connections
constexpr std::chrono::milliseconds kLastWords(1000);

// "name:key" lines of the file and of the environment.
absl::StatusOr<std::vector<serve::NamedKey>> KeysOf(const ServeFlags& flags) {
  std::string text;
  std::string source = "LLUDA_API_KEYS";
  if (!flags.api_key_file.empty()) {
    source = flags.api_key_file;
    struct stat status = {};
    if (stat(source.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(source, ": others than its owner may read or write it (chmod 600)"));
    }
    ASSIGN_OR_RETURN(text, ReadInput(source));
  }
  ASSIGN_OR_RETURN(std::vector<serve::NamedKey> keys, serve::ParseKeys(source, text));
  if (!flags.api_key_file.empty()) {
    if (keys.empty()) return absl::InvalidArgumentError(absl::StrCat(source, ": has no key"));
    return keys;
  }
  const char* const value = std::getenv("LLUDA_API_KEYS");
  return serve::ParseKeys(source, value == nullptr ? "" : value);
}

absl::StatusOr<serve::AppOptions> AppOptionsOf(const ServeFlags& flags) {
  serve::AppOptions options;
  ASSIGN_OR_RETURN(options.access.keys, KeysOf(flags));
  options.access.hosts = flags.allow_hosts;
  options.access.origins = flags.allow_origins;
  options.public_metrics = flags.public_metrics;
  options.strict_fields = flags.strict_fields;
  options.share_prefixes = flags.share_prefixes;
  options.log = flags.log == "json"   ? serve::LogFormat::kJson
                : flags.log == "text" ? serve::LogFormat::kText
                                      : serve::LogFormat::kOff;
  options.write_log = [](const std::string& line) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  };
  if (!flags.log_text_file.empty()) {
    ASSIGN_OR_RETURN(options.write_text_log, serve::OpenTextLog(flags.log_text_file));
  }
  const bool listens = flags.unix_path.empty() || flags.port.has_value();
  if (listens && !serve::IsLoopback(flags.host) && options.access.keys.empty() && !flags.no_auth) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--host ", flags.host, " lets other machines in: give --api-key-file FILE, or --no-auth"));
  }
  return options;
}

http::ServerOptions ServerOptionsOf(const ServeFlags& flags) {
  http::ServerOptions options;
  options.host = flags.unix_path.empty() || flags.port ? flags.host : "";
  options.port = flags.port.value_or(kDefaultPort);
  options.unix_path = flags.unix_path;
  options.parser.body_bytes = static_cast<size_t>(flags.max_body);
  options.connections = flags.max_connections;
  return options;
}

// As many as connections may need, or as the system gives.
void RaiseFileLimit(int64_t connections) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto wanted = static_cast<rlim_t>(connections + kOtherFiles);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  setrlimit(RLIMIT_NOFILE, &limit);
}

// How conversations are written for the model; nothing, where nobody says it.
absl::StatusOr<std::optional<tokenizer::ChatTemplate>> TemplateOf(
    const ServeFlags& flags, const engine::ModelSource& source) {
  absl::StatusOr<tokenizer::ChatFormat> format = source.ReadChatFormat();
  if (!flags.chat_template_file.empty()) {
    format = tokenizer::WithTemplateOf(flags.chat_template_file,
                                       format.ok() ? *std::move(format) : tokenizer::ChatFormat());
  }
  if (absl::IsNotFound(format.status())) return std::optional<tokenizer::ChatTemplate>();
  if (!format.ok()) return format.status();
  ASSIGN_OR_RETURN(tokenizer::ChatTemplate parsed, tokenizer::ChatTemplate::Create(*format));
  return std::optional<tokenizer::ChatTemplate>(std::move(parsed));
}

// A model with all that its requests need; the parts go in the order that they depend on each other.
struct Loaded {
  std::unique_ptr<engine::Model> model;
  std::unique_ptr<engine::AudioEncoder> ears;  // null: it hears nothing
  std::unique_ptr<engine::ServiceThread> service;
  serve::ServedModel served;
};

engine::ServiceOptions ServiceOptionsOf(const ServeFlags& flags) {
  engine::ServiceOptions options;
  options.slots = static_cast<int>(flags.max_sequences);
  options.cache_bytes = flags.kv_memory;
  options.max_queue = flags.max_queue;
  options.queue_seconds = flags.queue_seconds;
  options.step_seconds = flags.step_ms / 1000;
  options.force = flags.model.force;
  return options;
}

// Raised when the same tokens are written down in another way, or constraints stand elsewhere.
constexpr int kResponseRevision = 2;

// What answers depend on beside their requests; before the service takes the model.
absl::Status AddFingerprint(const ServeFlags& flags, engine::Model* model,
                            serve::ServedModel* served) {
  ASSIGN_OR_RETURN(std::vector<engine::FingerprintPart> parts, engine::FingerprintParts(model));
  parts.push_back({"response", absl::StrCat(kResponseRevision)});
  if (!flags.chat_template_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadInput(flags.chat_template_file));
    parts.push_back({"chat_template", base::HexOf(base::Sha256(text))});
  }
  served->fingerprint = engine::SystemFingerprint(parts);
  base::JsonWriter json;
  json.BeginObject().Key("system_fingerprint").String(served->fingerprint);
  json.Key("parts").BeginObject();
  for (const engine::FingerprintPart& part : parts) json.Key(part.name).String(part.value);
  served->fingerprint_json = json.EndObject().EndObject().text();
  return absl::OkStatus();
}

absl::StatusOr<std::string> PlanOf(const ServeFlags& flags, engine::Model* model) {
  ASSIGN_OR_RETURN(
      const engine::ServicePlan plan,
      engine::PlanService(model->executable()->program(), model->threads(), ServiceOptionsOf(flags),
                          runtime::TightestMemoryLimit("/", runtime::OwnMemoryUlimits())));
  return engine::PlanText(plan);
}

// Its texts become vectors one request after the other, on the thread that asks.
absl::Status ServeVectors(engine::Model* model, serve::ServedModel* served) {
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Embedder> embedder,
                   engine::Embedder::Create(model, {}));
  served->texts = {model->tokenizer(), embedder->vocabulary(), model->context()};
  served->embed = [model, mutex = std::make_shared<std::mutex>()](
                      absl::Span<const std::vector<int32_t>> texts,
                      int64_t dimensions) -> absl::StatusOr<std::vector<std::vector<float>>> {
    const std::lock_guard<std::mutex> lock(*mutex);
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Embedder> one,
                     engine::Embedder::Create(model, {dimensions}));
    return one->Embed(texts);
  };
  return absl::OkStatus();
}

absl::Status ServeTexts(const ServeFlags& flags, Loaded* loaded) {
  engine::Model* const model = loaded->model.get();
  if (engine::Transcriber::CanHear(model)) {
    ASSIGN_OR_RETURN(loaded->ears, engine::AudioEncoder::Create(model));
    loaded->served.mel_bins = loaded->ears->mel_bins();
  }
  ASSIGN_OR_RETURN(loaded->service,
                   engine::ServiceThread::Create(
                       {model->executable(), model->pool(), model->tokenizer(), loaded->ears.get()},
                       ServiceOptionsOf(flags)));
  loaded->served.service = loaded->service.get();
  loaded->served.texts = loaded->service->model();
  loaded->served.trie = model->trie();
  return absl::OkStatus();
}

// What a server's model is compiled for: texts share pages, vectors have none to share.
absl::StatusOr<engine::LoadOptions> ServedOptionsOf(const ServeFlags& flags) {
  ModelFlags wanted = flags.model;
  if (flags.embeddings) {
    wanted.result = std::string(engine::StepResultName(engine::StepResult::kHidden));
  }
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(wanted));
  options.module.pages = !flags.embeddings;
  return options;
}

absl::StatusOr<std::unique_ptr<Loaded>> Load(const ServeFlags& flags) {
  auto loaded = std::make_unique<Loaded>();
  ASSIGN_OR_RETURN(engine::LoadOptions options, ServedOptionsOf(flags));
  options.identify = true;
  ASSIGN_OR_RETURN(loaded->served.chat_template, TemplateOf(flags, *options.source));
  loaded->served.id = flags.model.model.find('/') != std::string::npos &&
                              options.source->path() != flags.model.model
                          ? flags.model.model  // a hub's name
                          : options.source->name();
  ASSIGN_OR_RETURN(loaded->model, LoadModel(std::move(options), flags.model.use_cache));
  engine::Model* model = loaded->model.get();
  serve::ServedModel& served = loaded->served;
  RETURN_IF_ERROR(AddFingerprint(flags, model, &served));
  // A bundle may have been compiled for vectors.
  RETURN_IF_ERROR(model->result() == engine::StepResult::kHidden ? ServeVectors(model, &served)
                                                                 : ServeTexts(flags, loaded.get()));
  served.aliases = flags.aliases;
  served.created = static_cast<int64_t>(std::time(nullptr));
  served.sampler = model->DefaultSampler();
  served.stop_tokens = model->StopTokens();
  return loaded;
}

void WaitForSignal(const Interrupt& interrupt) {
  pollfd waited = {interrupt.descriptor(), POLLIN, 0};
  while (!interrupt.flag()->load()) {
    poll(&waited, 1, -1);
    if (!interrupt.flag()->load()) interrupt.Drain();
  }
}

}  // namespace

absl::StatusOr<int> RunServe(const ServeFlags& flags) {
  if (flags.plan) {
    ASSIGN_OR_RETURN(engine::LoadOptions options, ServedOptionsOf(flags));
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Model> model,
                     LoadModel(std::move(options), flags.model.use_cache));
    ASSIGN_OR_RETURN(const std::string plan, PlanOf(flags, model.get()));
    return Print(plan);
  }
  ASSIGN_OR_RETURN(serve::AppOptions app_options, AppOptionsOf(flags));
  RaiseFileLimit(flags.max_connections);
  ASSIGN_OR_RETURN(std::unique_ptr<serve::App> app, serve::App::Create(std::move(app_options)));
  ASSIGN_OR_RETURN(std::unique_ptr<http::Server> server,
                   http::Server::Start(ServerOptionsOf(flags), app.get()));
  app->CountConnectionsBy([server = server.get()] { return server->connections(); });
  ASSIGN_OR_RETURN(std::unique_ptr<Loaded> loaded, Load(flags));
  app->Serve(&loaded->served);
  const Interrupt interrupt;
  for (const std::string& address : server->addresses()) {
    PrintLine("lluda", absl::StrCat("serving ", loaded->served.id, " at ", address));
  }

  WaitForSignal(interrupt);
  app->Drain();
  server->Drain();
  if (loaded->service != nullptr) loaded->service->Drain();
  const auto most = std::chrono::milliseconds(std::llround(flags.drain_seconds * 1000));
  if (!server->WaitUntilQuiet(most)) {
    app->EndAll();
    server->WaitUntilQuiet(kLastWords);
  }
  // In this order: each of them calls those that follow.
  server.reset();
  app->Stop();
  loaded->service.reset();
  return 0;
}

}  // namespace lluda::cli
