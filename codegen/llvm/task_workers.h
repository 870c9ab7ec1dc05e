// Runs LLVM's tasks on a few threads of their own. Where no thread is to be had, the caller runs
// them: LLVM's own dispatcher ends the process then.
//
//   auto control = llvm::orc::SelfExecutorProcessControl::Create(
//       nullptr, std::make_unique<TaskWorkers>(4));
#ifndef LLUDA_CODEGEN_LLVM_TASK_WORKERS_H_
#define LLUDA_CODEGEN_LLVM_TASK_WORKERS_H_

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "llvm/ExecutionEngine/Orc/TaskDispatch.h"

namespace lluda::codegen {

class TaskWorkers : public llvm::orc::TaskDispatcher {
 public:
  // Starts as many of `threads` threads as there are to be had. With 0, the caller of dispatch runs
  // each task.
  explicit TaskWorkers(int threads);
  ~TaskWorkers() override;

  int threads() const { return static_cast<int>(threads_.size()); }

  void dispatch(std::unique_ptr<llvm::orc::Task> task) override;
  // Returns when all tasks have been run, those included that tasks dispatched.
  void shutdown() override;

  // The same, and ends the threads, which are others' to have then. The caller of dispatch runs
  // what comes later. Not to be called from a task, nor while another thread may dispatch.
  void EndThreads();

 private:
  static void* Main(void* workers);
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<llvm::orc::Task>> waiting_;
  int running_ = 0;
  bool stop_ = false;
  std::vector<pthread_t> threads_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_TASK_WORKERS_H_
