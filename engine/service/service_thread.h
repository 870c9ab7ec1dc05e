// The Service of a model in this process: one thread that plans a step, runs it on the model's
// pool, and tells the listeners.
//
//   ServiceOptions options;
//   options.slots = 16;
//   auto service = ServiceThread::Create({model->executable(), model->pool(), model->tokenizer()},
//                                        options);
//   (*service)->Submit(request, listener);
//
// A request's error fails it alone. A step that fails ends all that were computed then; the service
// goes on with those that waited. Destroying it ends all requests as cancelled.
#ifndef LLUDA_ENGINE_SERVICE_SERVICE_THREAD_H_
#define LLUDA_ENGINE_SERVICE_SERVICE_THREAD_H_

#include <pthread.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/audio_encoder.h"
#include "engine/generate/scheduler.h"
#include "engine/service/fair_queue.h"
#include "engine/service/served_request.h"
#include "engine/service/service.h"
#include "engine/service/service_options.h"
#include "engine/service/stats_board.h"
#include "engine/service/step_limit.h"
#include "frontends/tokenizer/tokenizer.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::engine {

// What it runs on; all of it outlives the service, which alone uses it.
struct ServedModel {
  runtime::Executable* executable = nullptr;        // loaded
  runtime::ThreadPool* pool = nullptr;              // the executable's
  const tokenizer::Tokenizer* tokenizer = nullptr;  // null: tokens but no text
  AudioEncoder* ears = nullptr;                     // null: the model hears nothing
  const StepReads* reads = nullptr;                 // null: nobody has counted
};

class ServiceThread : public Service {
 public:
  // Takes and touches the memory that it will need (service_plan.h). InvalidArgument for options out
  // of range, FailedPrecondition as for Scheduler::Create, ResourceExhausted if there is not the
  // memory, with the numbers, or no thread to be had.
  static absl::StatusOr<std::unique_ptr<ServiceThread>> Create(const ServedModel& model,
                                                               const ServiceOptions& options);
  ~ServiceThread() override;

  absl::StatusOr<uint64_t> Submit(ServiceRequest request,
                                  std::shared_ptr<RequestListener> listener) override;
  void Cancel(uint64_t id) override;
  void Pause(uint64_t id, bool paused) override;
  void Drain() override;
  std::unique_ptr<ServiceStats> Stats() const override;
  SequenceModel model() const override { return model_; }
  double RetryAfterSeconds() const override;

 private:
  using Clock = std::chrono::steady_clock;

  ServiceThread(const ServedModel& served, const SequenceModel& model,
                std::unique_ptr<Scheduler> scheduler, const ServiceOptions& options)
      : model_(model),
        options_(options),
        executable_(served.executable),
        pool_(served.pool),
        ears_(served.ears),
        scheduler_(std::move(scheduler)) {
    if (served.reads != nullptr && executable_->uses_host_memory()) reads_ = *served.reads;
  }

  static void* ThreadMain(void* service);
  void Run();
  // Whether there is something that TakeNews will not wait for.
  bool HasNews() const;
  // How long steps take, by which they are planned, if nothing comes meanwhile.
  void MeasureSteps();
  // Once, when there is nothing else to do: how fast the machine reads, which steps are held against.
  void MeasureReads();
  // Waits for something to do, at once after a step, and takes what has come. Whether to go on.
  bool TakeNews(bool after_step);
  // Gives up waiting requests: cancelled ones, those that have waited too long, all if it drains.
  void ThinQueue();
  void ApplyPauses();
  // Cancels what has taken too long.
  void MarkLate();
  // Gives free slots to choices whose turn it is.
  void Admit();
  // The choice has a slot, and its sound, if it has one, has been heard.
  void Start(ServedChoice* choice);
  // Hears the sound of the choice that has waited longest for it, and runs a step of the others after
  // each second of sound; whether there was one.
  bool HearOne();
  // Whether a step was run.
  bool RunStep();
  // Of the step that took so long: who is charged for it, and how near it came to the limit.
  void Account(double seconds);
  // Tells the listeners what came of a step; whether a choice has ended.
  bool Report();
  void ReportTokens(ServedChoice* choice);
  // Tells the listener for the last time; the request goes with its last choice.
  void End(ServedChoice* choice, absl::StatusOr<Generation> result);
  void EndAll();
  // The request no longer counts as one that waits; nothing if it did not.
  void LeaveQueue(ServedRequest* request);
  // OK, or why it is to wait no longer.
  absl::Status CheckWaiting(const ServedRequest& request, bool draining) const;
  void CountEnd(const ServedChoice& choice, const absl::StatusOr<Generation>& result);
  void UpdateGauges();

  const SequenceModel model_;
  const ServiceOptions options_;
  pthread_t thread_{};
  bool has_thread_ = false;

  // Between threads.
  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::map<uint64_t, std::unique_ptr<ServedRequest>> requests_;
  std::vector<ServedRequest*> arrived_;
  uint64_t next_id_ = 1;
  int64_t queued_requests_ = 0, queued_bytes_ = 0;
  bool has_news_ = false, draining_ = false, stopping_ = false;
  std::array<int64_t, ServiceStats::kRejectedCount> rejected_{};

  // Of the thread alone.
  runtime::Executable* const executable_;
  runtime::ThreadPool* const pool_;
  AudioEncoder* const ears_;
  std::unique_ptr<Scheduler> scheduler_;
  std::optional<StepReads> reads_;  // until limit_ was made of them
  std::optional<StepLimit> limit_;
  std::deque<ServedChoice*> hearing_;  // that have a slot as soon as their sounds are heard
  FairQueue<ServedChoice*> queue_;
  std::vector<ServedChoice*> running_;  // in the order they got their places
  double held_seconds_ = 0;             // how long a choice has its place, on average

  StatsBoard board_;
  BoardNumber<double> retry_after_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_SERVICE_THREAD_H_
