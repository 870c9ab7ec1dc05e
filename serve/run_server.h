// A server's life: it listens before there is a model, so that who asks early is told `loading`; serves;
// and lets what has begun come to its end.
//
//   ServerRun run;
//   run.load = [&] { return LoadedModel::Create(std::move(model), std::move(options)); };
//   run.serve = [&](const ServedModel& model, absl::Span<const std::string> addresses) { ... wait ... };
//   absl::Status ended = RunServer(std::move(run));
#ifndef LLUDA_SERVE_RUN_SERVER_H_
#define LLUDA_SERVE_RUN_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "serve/app.h"
#include "serve/http/server_options.h"
#include "serve/loaded_model.h"

namespace lluda::serve {

struct ServerRun {
  AppOptions app;
  http::ServerOptions http;
  double drain_seconds = 30;  // that answers which have begun may go on, once `serve` has returned
  std::function<absl::StatusOr<std::unique_ptr<LoadedModel>>()> load;
  // Called when requests are answered; returns when the server is to end.
  std::function<void(const ServedModel& model, absl::Span<const std::string> addresses)> serve;
};

// Until the server has ended. Errors are those of App::Create, http::Server::Start and `load`.
absl::Status RunServer(ServerRun run);

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_RUN_SERVER_H_
