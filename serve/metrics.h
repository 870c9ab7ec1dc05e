// What the server counts beside what the service does, and all of it as Prometheus reads it.
//
//   Counters counters;
//   counters.CountRequest("/v1/models", 200);
//   MetricsText(*service->Stats(), counters, server->connections());
#ifndef LLUDA_SERVE_METRICS_H_
#define LLUDA_SERVE_METRICS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/service/service_stats.h"

namespace lluda::serve {

// May be used from several threads.
class Counters {
 public:
  // `path` is a route's, so that there are few of them.
  void CountRequest(absl::string_view path, int status);
  void CountRejected(absl::string_view code);
  // Of names that clients choose, the first ones are told apart.
  void CountIgnored(absl::string_view field);
  void CountFinished(absl::string_view reason);

  // The lines of these counters.
  std::string Text() const;

 private:
  using ByLabel = std::map<std::string, int64_t>;

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, int64_t> requests_;
  ByLabel rejected_, ignored_, finished_;
};

std::string MetricsText(const engine::ServiceStats& stats, const Counters& counters,
                        int64_t connections);

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_METRICS_H_
