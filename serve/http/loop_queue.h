// Work that other threads hand to the thread of an event loop.
//
//   auto queue = std::make_shared<LoopQueue>();
//   queue->Open(&loop);
//   queue->Post([] { ... });   // from any thread: runs on the loop's
//
// The loop is woken once for all that was posted before it woke.
#ifndef LLUDA_SERVE_HTTP_LOOP_QUEUE_H_
#define LLUDA_SERVE_HTTP_LOOP_QUEUE_H_

#include <uv.h>

#include <functional>
#include <mutex>
#include <vector>

namespace lluda::http {

class LoopQueue {
 public:
  using Work = std::function<void()>;

  // Before the loop runs. The queue must stay until it has ended. False if the system refuses.
  bool Open(uv_loop_t* loop);
  // Drops what was posted, and what will be. On the loop's thread.
  void Close();
  void Post(Work work);

 private:
  void Run();

  uv_async_t async_;
  std::mutex mutex_;
  std::vector<Work> posted_;
  bool is_open_ = false;
};

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_LOOP_QUEUE_H_
