#include "codegen/llvm/task_workers.h"

#include <utility>

#include "runtime/machine/start_thread.h"

namespace lluda::codegen {

TaskWorkers::TaskWorkers(int threads) {
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    if (runtime::StartThread(&Main, this, &thread) != 0) return;
    threads_.push_back(thread);
  }
}

TaskWorkers::~TaskWorkers() { EndThreads(); }

void TaskWorkers::EndThreads() {
  shutdown();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
  threads_.clear();
}

void TaskWorkers::dispatch(std::unique_ptr<llvm::orc::Task> task) {
  if (threads_.empty()) {
    task->run();
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(task));
  }
  changed_.notify_all();
}

void TaskWorkers::shutdown() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && running_ == 0; });
}

void* TaskWorkers::Main(void* workers) {
  static_cast<TaskWorkers*>(workers)->Work();
  return nullptr;
}

void TaskWorkers::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::unique_ptr<llvm::orc::Task> task = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    task->run();
    task.reset();
    lock.lock();
    --running_;
    if (waiting_.empty() && running_ == 0) changed_.notify_all();
  }
}

}  // namespace lluda::codegen
