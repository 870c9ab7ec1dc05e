// The OpenAI API over HTTP: which path is answered how.
//
//   AppOptions options;
//   absl::StatusOr<std::unique_ptr<App>> app = App::Create(std::move(options));
//   auto server = http::Server::Start({}, app->get());   // answers 503 `loading` until
//   (*app)->Serve(&model);
#ifndef LLUDA_SERVE_APP_H_
#define LLUDA_SERVE_APP_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/access.h"
#include "serve/api/generation_request.h"
#include "serve/call.h"
#include "serve/http/handler.h"
#include "serve/metrics.h"
#include "serve/pending.h"
#include "serve/request_log.h"
#include "serve/served_model.h"
#include "serve/workers.h"

namespace lluda::serve {

struct AppOptions {
  AccessOptions access;
  bool public_metrics = false;  // without a key
  bool strict_fields = false;   // unknown fields are refused, not ignored
  bool share_prefixes = false;  // of prompts, between all keys
  LogFormat log = LogFormat::kText;
  std::function<void(const std::string& line)> write_log;  // called on threads of the app's own
  // For prompts and answers, a line for each request; empty: nobody writes them down.
  std::function<void(const std::string& line)> write_text_log;
};

class App final : public http::Handler {
 public:
  // ResourceExhausted if the system gives no threads.
  static absl::StatusOr<std::unique_ptr<App>> Create(AppOptions options);

  // From now on there is a model, which must outlive the app.
  void Serve(const ServedModel* model);
  // From now on requests for texts are answered 503.
  void Drain() { is_draining_ = true; }
  // Ends the texts that are being written, with an error.
  void EndAll();
  // Nothing is answered any more, and the model is not used: then the server must have gone.
  void Stop() { workers_->Stop(); }
  // What /metrics says of connections.
  void CountConnectionsBy(std::function<int64_t()> count) { connections_ = std::move(count); }

  std::optional<http::Response> CheckHead(const http::Request& request) override;
  void Handle(http::Request request, std::shared_ptr<http::Responder> responder) override;
  http::Response ErrorResponse(const http::Error& error, const std::string& peer) override;

 private:
  struct Route;
  struct Asked;  // a request with what was found out about it

  explicit App(AppOptions options);
  static const Route kRoutes[];
  // The route of method and path; for a wrong method or an unknown path, the error.
  static api::Refusal FindRoute(const http::Request& request, const Route** route,
                                std::string* allowed);
  api::Refusal CheckRequest(const http::Request& request, const Route** route, AccessResult* access,
                            std::string* allowed) const;

  // The routes.
  void Health(Asked* asked);
  void Metrics(Asked* asked);
  void Page(Asked* asked);
  void Fingerprint(Asked* asked);
  void Models(Asked* asked);
  void OneModel(Asked* asked);
  void Tokenize(Asked* asked);
  void Detokenize(Asked* asked);
  void ApplyTemplate(Asked* asked);
  void Chat(Asked* asked);
  void Completions(Asked* asked);
  void Embeddings(Asked* asked);
  void Generate(api::Endpoint endpoint, Asked* asked);
  void Transcribe(Asked* asked);
  // Whose requests share what is computed of their prompts.
  std::string PrefixKey(const std::string& client, const std::string& salt) const;
  // Whether the server takes no more; then the call is refused.
  bool RefusesMore(Call* call) const;
  void Remember(const std::shared_ptr<Pending>& answer);
  void NameIgnored(const std::vector<std::string>& names, Call* call);

  AppOptions options_;
  Access access_;
  Counters counters_;
  Recorder recorder_;
  std::atomic<const ServedModel*> model_{nullptr};
  std::atomic<bool> is_draining_{false};
  std::function<int64_t()> connections_;
  std::mutex answers_mutex_;
  std::vector<std::weak_ptr<Pending>> answers_;  // that may not have ended yet
  std::unique_ptr<Workers> workers_;             // the last: they use all else
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_APP_H_
