// A few threads for what would hold up the others: reading JSON, rendering, tokenising. They run at a
// lower priority than those that compute and send.
//
//   auto workers = Workers::Create(2);
//   (*workers)->Post([] { ... });
#ifndef LLUDA_SERVE_WORKERS_H_
#define LLUDA_SERVE_WORKERS_H_

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"

namespace lluda::serve {

// For a process that serves: what a large request took goes back to the system with its answer. By
// itself malloc keeps more and more of it, for each thread, the larger the buffers are that it was
// given back.
void KeepNoLargeBuffers();

class Workers {
 public:
  // ResourceExhausted if the system gives no thread.
  static absl::StatusOr<std::unique_ptr<Workers>> Create(int threads);
  ~Workers() { Stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Dropped once they have been stopped. What long work leaves free goes back to the system.
  void Post(std::function<void()> work);
  // Waits until all that was posted is done.
  void Stop();

 private:
  Workers() = default;
  static void* ThreadMain(void* workers);
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool is_ending_ = false;
  std::vector<pthread_t> threads_;
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_WORKERS_H_
