#include "serve/http/loop_queue.h"

#include <utility>

namespace lluda::http {

bool LoopQueue::Open(uv_loop_t* loop) {
  async_.data = this;
  const auto wake = [](uv_async_t* async) { static_cast<LoopQueue*>(async->data)->Run(); };
  const std::lock_guard<std::mutex> lock(mutex_);
  is_open_ = uv_async_init(loop, &async_, wake) == 0;
  return is_open_;
}

void LoopQueue::Close() {
  std::vector<Work> dropped;  // outside the lock: their destructors may post
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!is_open_) return;
    is_open_ = false;
    dropped.swap(posted_);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr);
}

void LoopQueue::Post(Work work) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!is_open_) return;
  posted_.push_back(std::move(work));
  if (posted_.size() == 1) uv_async_send(&async_);
}

void LoopQueue::Run() {
  std::vector<Work> work;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    work.swap(posted_);
  }
  for (Work& one : work) one();
}

}  // namespace lluda::http
