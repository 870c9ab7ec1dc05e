// A listener that keeps all it is told, for tests, which may wait for it.
#ifndef LLUDA_ENGINE_SERVICE_LISTENER_LOG_H_
#define LLUDA_ENGINE_SERVICE_LISTENER_LOG_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/service/service.h"

namespace lluda::engine {

class ListenerLog : public RequestListener {
 public:
  struct Choice {
    std::vector<ServedToken> tokens;
    std::string text;  // of all tokens, and the rest
    std::optional<absl::StatusOr<Generation>> result;
  };

  explicit ListenerLog(int64_t choices = 1) : open_(choices) {}

  void OnToken(int64_t choice, const ServedToken& token) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    choices_[choice].tokens.push_back(token);
    choices_[choice].text += token.text;
    changed_.notify_all();
  }
  void OnEnd(int64_t choice, const std::string& rest, absl::StatusOr<Generation> result) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    choices_[choice].text += rest;
    choices_[choice].result = std::move(result);
    --open_;
    changed_.notify_all();
  }

  // Returns when all choices have ended.
  void WaitForEnd() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return open_ == 0; });
  }
  // Returns when choice 0 has so many tokens, or has ended.
  void WaitForTokens(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(
        lock, [&] { return choices_[0].tokens.size() >= count || choices_[0].result.has_value(); });
  }
  size_t TokensSoFar() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return choices_[0].tokens.size();
  }
  // Of an ended choice.
  const Choice& choice(int64_t index = 0) const { return choices_.at(index); }
  const absl::StatusOr<Generation>& result(int64_t index = 0) const {
    return *choices_.at(index).result;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int64_t open_;
  std::map<int64_t, Choice> choices_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_LISTENER_LOG_H_
