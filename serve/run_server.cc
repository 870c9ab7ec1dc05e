#include "serve/run_server.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "base/status_macros.h"
#include "serve/http/server.h"
#include "serve/workers.h"

namespace lluda::serve {
namespace {

constexpr std::chrono::milliseconds kLastWords(1000);

}  // namespace

absl::Status RunServer(ServerRun run) {
  KeepNoLargeBuffers();
  ASSIGN_OR_RETURN(std::unique_ptr<App> app, App::Create(std::move(run.app)));
  ASSIGN_OR_RETURN(std::unique_ptr<http::Server> server, http::Server::Start(run.http, app.get()));
  app->CountConnectionsBy([server = server.get()] { return server->connections(); });
  ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> loaded, run.load());
  app->Serve(&loaded->served());
  run.serve(loaded->served(), server->addresses());

  app->Drain();
  server->Drain();
  loaded->Drain();
  const auto most = std::chrono::milliseconds(std::llround(run.drain_seconds * 1000));
  if (!server->WaitUntilQuiet(most)) {
    app->EndAll();
    server->WaitUntilQuiet(kLastWords);
  }
  // In this order: each of them calls those that follow.
  server.reset();
  app->Stop();
  loaded->Stop();
  return absl::OkStatus();
}

}  // namespace lluda::serve
