#include "cli/flags/serving.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "cli/terminal/output.h"
#include "engine/service/service_plan.h"
#include "runtime/machine/interrupt.h"
#include "runtime/machine/memory_limit.h"
#include "serve/access.h"
#include "serve/loaded_model.h"
#include "serve/run_server.h"
#include "serve/text_log.h"

namespace lluda::cli {
namespace {

constexpr int kDefaultPort = 8080;

absl::StatusOr<serve::AppOptions> AppOptionsOf(const ServeFlags& flags) {
  serve::AppOptions options;
  ASSIGN_OR_RETURN(options.access.keys,
                   serve::ReadKeys(flags.api_key_file, std::getenv("LLUDA_API_KEYS")));
  options.access.hosts = flags.allow_hosts;
  for (const std::string& origin : flags.allow_origins) {
    const absl::Status status = serve::CheckOriginText(origin);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--allow-origin: ", status.message()));
    }
  }
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

absl::StatusOr<std::unique_ptr<serve::LoadedModel>> Load(const ServeFlags& flags, ToServe opened) {
  ASSIGN_OR_RETURN(
      serve::LoadedOptions options,
      serve::LoadedOptionsOf(opened.model->source(), flags.model.model, flags.chat_template_file));
  options.aliases = flags.aliases;
  options.service = ServiceOptionsOf(flags);
  options.reads = std::move(opened.reads);
  return serve::LoadedModel::Create(std::move(opened.model), std::move(options));
}

absl::StatusOr<int> PrintPlan(const ServeFlags& flags, engine::Model* model) {
  ASSIGN_OR_RETURN(
      const engine::ServicePlan plan,
      engine::PlanService(model->executable()->program(), model->threads(), ServiceOptionsOf(flags),
                          runtime::TightestMemoryLimit("/", runtime::OwnMemoryUlimits())));
  return Print(engine::PlanText(plan));
}

}  // namespace

absl::StatusOr<int> Serve(const char* program, const ServeFlags& flags,
                          const std::function<absl::StatusOr<ToServe>()>& open) {
  if (flags.plan) {
    ASSIGN_OR_RETURN(const ToServe opened, open());
    return PrintPlan(flags, opened.model.get());
  }
  serve::ServerRun run;
  ASSIGN_OR_RETURN(run.app, AppOptionsOf(flags));
  run.http = ServerOptionsOf(flags);
  run.drain_seconds = flags.drain_seconds;
  run.load = [&]() -> absl::StatusOr<std::unique_ptr<serve::LoadedModel>> {
    ASSIGN_OR_RETURN(ToServe opened, open());
    return Load(flags, std::move(opened));
  };
  run.serve = [&](const serve::ServedModel& model, absl::Span<const std::string> addresses) {
    const runtime::Interrupt interrupt;
    for (const std::string& address : addresses) {
      PrintLine(program, absl::StrCat("serving ", model.id, " at ", address));
    }
    interrupt.Wait();
  };
  RETURN_IF_ERROR(serve::RunServer(std::move(run)));
  return 0;
}

}  // namespace lluda::cli
