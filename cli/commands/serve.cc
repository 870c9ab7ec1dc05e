// lluda serve: one model, many clients. SIGTERM and SIGINT let what has begun come to its end; a
// second one ends the process at once.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/whole_file.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/output.h"
#include "engine/service/service_plan.h"
#include "frontends/tokenizer/reader/chat_format_reader.h"
#include "runtime/machine/memory_limit.h"
#include "serve/access.h"
#include "serve/app.h"
#include "serve/http/server.h"
#include "serve/loaded_model.h"
#include "serve/text_log.h"
#include "serve/workers.h"
#include "tools/inspect/optimised_model.h"
#include "tools/inspect/step_reads.h"

namespace lluda::cli {
namespace {

constexpr int kDefaultPort = 8080;
constexpr std::chrono::milliseconds kLastWords(1000);

absl::StatusOr<serve::AppOptions> AppOptionsOf(const ServeFlags& flags) {
  serve::AppOptions options;
  ASSIGN_OR_RETURN(options.access.keys,
                   serve::ReadKeys(flags.api_key_file, std::getenv("LLUDA_API_KEYS")));
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

engine::ServiceOptions ServiceOptionsOf(const ServeFlags& flags) {
  engine::ServiceOptions options;
  options.slots = static_cast<int>(flags.max_sequences);
  options.cache_bytes = flags.kv_memory;
  options.max_queue = flags.max_queue;
  options.queue_seconds = flags.queue_seconds;
  options.request_seconds = flags.request_seconds;
  options.step_seconds = flags.step_ms / 1000;
  options.force = flags.model.force;
  return options;
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

absl::StatusOr<int> PrintPlan(const ServeFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions options, ServedOptionsOf(flags));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.model.use_cache));
  ASSIGN_OR_RETURN(
      const engine::ServicePlan plan,
      engine::PlanService(model->executable()->program(), model->threads(), ServiceOptionsOf(flags),
                          runtime::TightestMemoryLimit("/", runtime::OwnMemoryUlimits())));
  return Print(engine::PlanText(plan));
}

absl::StatusOr<std::unique_ptr<serve::LoadedModel>> Load(const ServeFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions options, ServedOptionsOf(flags));
  options.identify = true;
  serve::LoadedOptions served;
  ASSIGN_OR_RETURN(served.chat_template,
                   tokenizer::TemplateIfAny(tokenizer::WithTemplateOf(
                       flags.chat_template_file, options.source->ReadChatFormat())));
  if (!flags.chat_template_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, base::ReadInput(flags.chat_template_file));
    served.template_digest = base::HexOf(base::Sha256(text));
  }
  const std::string& name = flags.model.model;
  const bool is_hub_name = name.find('/') != std::string::npos && options.source->path() != name;
  served.id = is_hub_name ? name : options.source->name();
  served.aliases = flags.aliases;
  served.service = ServiceOptionsOf(flags);
  ASSIGN_OR_RETURN(const tools::OptimisedModel optimised,
                   tools::OpenOptimised(options, engine::Weights::kRequired));
  options.optimised = &optimised;  // the passes run once
  served.reads = tools::ReadsOf(*optimised.module);
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.model.use_cache));
  return serve::LoadedModel::Create(std::move(model), std::move(served));
}

void WaitForSignal(const Interrupt& interrupt) {
  pollfd waited = {interrupt.descriptor(), POLLIN, 0};
  while (!interrupt.flag()->load()) {
    poll(&waited, 1, -1);
    if (!interrupt.flag()->load()) interrupt.Drain();
  }
}

}  // namespace

absl::StatusOr<int> Run(const ServeFlags& flags) {
  if (flags.plan) return PrintPlan(flags);
  serve::KeepNoLargeBuffers();
  ASSIGN_OR_RETURN(serve::AppOptions app_options, AppOptionsOf(flags));
  ASSIGN_OR_RETURN(std::unique_ptr<serve::App> app, serve::App::Create(std::move(app_options)));
  ASSIGN_OR_RETURN(std::unique_ptr<http::Server> server,
                   http::Server::Start(ServerOptionsOf(flags), app.get()));
  app->CountConnectionsBy([server = server.get()] { return server->connections(); });
  ASSIGN_OR_RETURN(std::unique_ptr<serve::LoadedModel> loaded, Load(flags));
  app->Serve(&loaded->served());
  const Interrupt interrupt;
  for (const std::string& address : server->addresses()) {
    PrintLine("lluda", absl::StrCat("serving ", loaded->served().id, " at ", address));
  }

  WaitForSignal(interrupt);
  app->Drain();
  server->Drain();
  loaded->Drain();
  const auto most = std::chrono::milliseconds(std::llround(flags.drain_seconds * 1000));
  if (!server->WaitUntilQuiet(most)) {
    app->EndAll();
    server->WaitUntilQuiet(kLastWords);
  }
  // In this order: each of them calls those that follow.
  server.reset();
  app->Stop();
  loaded->Stop();
  return 0;
}

}  // namespace lluda::cli
