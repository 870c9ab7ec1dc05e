#include "engine/service/service_thread.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "engine/generate/measure_steps.h"
#include "engine/service/service_plan.h"
#include "runtime/machine/memory_limit.h"
#include "runtime/machine/start_thread.h"
#include "runtime/session/session.h"

namespace lluda::engine {
namespace {

// How often deadlines are looked at while nothing can be computed.
constexpr auto kDeadlineInterval = std::chrono::milliseconds(50);
// What a new value counts for in an average that follows the latest.
constexpr double kNewest = 0.1;

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

absl::Status CheckOptions(const ServiceOptions& options) {
  if (options.max_queue < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_queue must be at least 1, is ", options.max_queue));
  }
  if (!(options.step_seconds > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("step_seconds must be above 0, is ", options.step_seconds));
  }
  if (!(options.queue_seconds > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("queue_seconds must be above 0, is ", options.queue_seconds));
  }
  if (!(options.request_seconds > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("request_seconds must be above 0, is ", options.request_seconds));
  }
  return absl::OkStatus();
}

absl::Status DrainingError() {
  return absl::UnavailableError("the service takes no more requests: it is about to end");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServiceThread>> ServiceThread::Create(
    const ServedModel& model, const ServiceOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const ServicePlan plan,
                   PlanService(model.executable->program(), model.pool->threads(), options,
                               runtime::TightestMemoryLimit("/", runtime::OwnMemoryUlimits())));
  if (!options.force) {
    RETURN_IF_ERROR(CheckPlan(plan));
  }
  runtime::SessionOptions session;
  session.slots = options.slots;
  session.context = options.context;
  session.pages = plan.pages;
  ASSIGN_OR_RETURN(std::unique_ptr<Scheduler> scheduler,
                   Scheduler::Create(model.executable, session, model.pool));
  if (options.slots > scheduler->max_step()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.slots, " texts side by side (--max-sequences) are more than the ",
                     scheduler->max_step(), " tokens that a step of this context computes"));
  }
  // Memory that was never written to is not there yet: the system hands it out page by page, and
  // ends a process that asks for more than it has.
  scheduler->TouchMemory(model.pool);
  SequenceModel sequence = {model.tokenizer, scheduler->vocabulary(), scheduler->context()};
  if (model.ears != nullptr) sequence.media_width = scheduler->media_width();
  std::unique_ptr<ServiceThread> service(
      new ServiceThread(model, sequence, std::move(scheduler), options));
  const int error = runtime::StartThread(&ThreadMain, service.get(), &service->thread_);
  if (error != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start the service's thread: ", std::strerror(error)));
  }
  service->has_thread_ = true;
  return service;
}

ServiceThread::~ServiceThread() {
  if (!has_thread_) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  news_.notify_one();
  pthread_join(thread_, nullptr);
}

absl::StatusOr<uint64_t> ServiceThread::Submit(ServiceRequest request,
                                               std::shared_ptr<RequestListener> listener) {
  absl::StatusOr<std::unique_ptr<ServedRequest>> made =
      ServedRequest::Create(model_, request, std::move(listener));
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto reject = [&](ServiceStats::Rejected reason, absl::Status status) {
    ++rejected_[reason];
    return status;
  };
  if (!made.ok()) return reject(ServiceStats::kInvalid, made.status());
  std::unique_ptr<ServedRequest> served = *std::move(made);
  if (draining_ || stopping_) return reject(ServiceStats::kDraining, DrainingError());
  const int64_t bytes = served->prompt_bytes;
  if (queued_requests_ >= options_.max_queue ||
      (queued_requests_ > 0 && queued_bytes_ + bytes > options_.max_queue_bytes)) {
    return reject(ServiceStats::kQueueFull,
                  absl::ResourceExhaustedError(absl::StrCat("the queue is full: ", queued_requests_,
                                                            " requests with ", queued_bytes_,
                                                            " bytes of prompts are waiting")));
  }
  const uint64_t id = next_id_++;
  served->id = id;
  ++queued_requests_;
  queued_bytes_ += bytes;
  arrived_.push_back(served.get());
  requests_[id] = std::move(served);
  has_news_ = true;
  news_.notify_one();
  return id;
}

void ServiceThread::Cancel(uint64_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = requests_.find(id);
  if (at == requests_.end()) return;
  at->second->cancel = true;
  has_news_ = true;
  news_.notify_one();
}

void ServiceThread::Pause(uint64_t id, bool paused) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = requests_.find(id);
  if (at == requests_.end()) return;
  at->second->paused = paused;
  has_news_ = true;
  news_.notify_one();
}

void ServiceThread::Drain() {
  const std::lock_guard<std::mutex> lock(mutex_);
  draining_ = true;
  has_news_ = true;
  news_.notify_one();
}

std::unique_ptr<ServiceStats> ServiceThread::Stats() const {
  std::unique_ptr<ServiceStats> stats = board_.Read();
  const std::lock_guard<std::mutex> lock(mutex_);
  stats->rejected = rejected_;
  stats->draining = draining_;
  return stats;
}

double ServiceThread::RetryAfterSeconds() const { return std::max(1.0, retry_after_.Get()); }

void* ServiceThread::ThreadMain(void* service) {
  static_cast<ServiceThread*>(service)->Run();
  return nullptr;
}

bool ServiceThread::HasNews() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return has_news_ || stopping_;
}

void ServiceThread::MeasureSteps() {
  const absl::StatusOr<StepCosts> costs =
      engine::MeasureSteps(executable_->program(), scheduler_.get(), [&] { return HasNews(); });
  // Else the steps of requests give them. Where steps fail, those will, and say so.
  if (costs.ok()) scheduler_->SetCosts(*costs);
}

void ServiceThread::MeasureReads() {
  if (!reads_ || !queue_.empty() || !running_.empty() || !hearing_.empty() || HasNews()) return;
  const double rate = ReadRate(executable_->loaded(), pool_);
  if (rate > 0) limit_.emplace(*reads_, rate);
  reads_.reset();
}

void ServiceThread::Run() {
  // Here, where no request waits for it, and what comes first does not wait for long.
  MeasureSteps();
  MeasureReads();
  bool after_step = false;
  while (TakeNews(after_step)) {
    ThinQueue();
    ApplyPauses();
    MarkLate();
    Admit();
    // A choice that has ended may have made room, whether or not there was a step.
    after_step = HearOne();
    after_step |= RunStep();
    after_step |= Report();
    UpdateGauges();
    MeasureReads();
  }
  EndAll();
}

bool ServiceThread::TakeNews(bool after_step) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto is_news = [&] { return has_news_ || stopping_; };
  if (!after_step) {
    if (queue_.empty() && running_.empty()) {
      news_.wait(lock, is_news);
    } else {
      news_.wait_for(lock, kDeadlineInterval, is_news);
    }
  }
  has_news_ = false;
  for (ServedRequest* request : arrived_) {
    for (const auto& choice : request->choices) queue_.Push(request->client, choice.get());
  }
  arrived_.clear();
  return !stopping_;
}

absl::Status ServiceThread::CheckWaiting(const ServedRequest& request, bool draining) const {
  if (request.cancel) return absl::CancelledError();
  if (request.started) return absl::OkStatus();
  if (draining) return DrainingError();
  if (Seconds(Clock::now() - request.submitted) <= options_.queue_seconds) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("the request has waited ", options_.queue_seconds, " s for its turn"));
}

void ServiceThread::ThinQueue() {
  if (queue_.empty()) return;
  bool draining;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining = draining_;
  }
  // One verdict for all choices of a request.
  std::map<ServedRequest*, absl::Status> leaving;
  const std::vector<ServedChoice*> choices = queue_.Remove([&](const ServedChoice* choice) {
    const auto [at, is_new] = leaving.try_emplace(choice->request);
    if (is_new) at->second = CheckWaiting(*choice->request, draining);
    return !at->second.ok();
  });
  for (ServedChoice* choice : choices) {
    const absl::Status& why = leaving[choice->request];
    if (!absl::IsCancelled(why)) {
      End(choice, why);
      continue;
    }
    choice->sequence->Cancel();
    End(choice, choice->sequence->TakeResult());
  }
}

void ServiceThread::ApplyPauses() {
  for (ServedChoice* choice : running_) {
    const bool paused = choice->request->paused;
    if (paused == choice->paused) continue;
    choice->paused = paused;
    scheduler_->Pause(choice->sequence.get(), paused);
  }
}

// Cancelled, so that the next report lets go of them.
void ServiceThread::MarkLate() {
  const Clock::time_point now = Clock::now();
  for (ServedChoice* choice : running_) {
    ServedRequest* request = choice->request;
    if (Seconds(now - request->submitted) <= options_.request_seconds) continue;
    request->late = true;
    request->cancel = true;
  }
}

void ServiceThread::Admit() {
  while (scheduler_->free_slots() > static_cast<int>(hearing_.size())) {
    const std::optional<ServedChoice*> next = queue_.Pop([](const ServedChoice* choice) {
      const ServedRequest& request = *choice->request;
      return !request.paused && (choice->index == 0 || request.prompt_computed);
    });
    if (!next) return;
    ServedChoice* choice = *next;
    ServedRequest* request = choice->request;
    LeaveQueue(request);
    choice->running = true;
    choice->placed = Clock::now();
    board_.queue.Add(Seconds(choice->placed - request->submitted));
    if (request->sound != nullptr) {
      hearing_.push_back(choice);
    } else {
      Start(choice);
    }
  }
}

void ServiceThread::Start(ServedChoice* choice) {
  RowReader read_row;
  if (choice->request->top_logprobs) {
    read_row = [choice](absl::Span<const float> logits) { choice->ReadRow(logits); };
  }
  scheduler_->Add(choice->sequence.get(), std::move(read_row), choice->request->prefix_key);
  running_.push_back(choice);
}

bool ServiceThread::HearOne() {
  if (hearing_.empty()) return false;
  ServedChoice* choice = hearing_.front();
  ServedRequest* request = choice->request;
  EncodeOptions options;
  options.cancel = &request->cancel;
  double others = 0;  // seconds that belong to them
  options.progress = [&](int64_t /*done*/, int64_t /*total*/) {
    base::Stopwatch step;
    RunStep();
    Report();
    others += step.Lap();
  };
  base::Stopwatch watch;
  absl::StatusOr<std::shared_ptr<const MediaRows>> rows =
      ears_->Encode(request->sound->features, request->sound->frames, options);
  queue_.Charge(request->client, watch.Lap() - others);
  hearing_.pop_front();
  if (absl::IsCancelled(rows.status())) {
    choice->sequence->Cancel();
    End(choice, choice->sequence->TakeResult());
    return true;
  }
  absl::Status heard = rows.status();
  if (heard.ok()) heard = request->Hear(model_, *rows);
  if (!heard.ok()) {
    End(choice, absl::InternalError(absl::StrCat("the sound was not heard: ", heard.message())));
    return true;
  }
  Start(choice);
  return true;
}

bool ServiceThread::RunStep() {
  if (running_.empty()) return false;
  base::Stopwatch watch;
  const absl::StatusOr<bool> stepped = scheduler_->StepWithin(options_.step_seconds);
  if (!stepped.ok()) {
    board_.failed_steps.Add(1);
    for (ServedChoice* choice : std::exchange(running_, {})) {
      End(choice, absl::InternalError(
                      absl::StrCat("a step of the model failed: ", stepped.status().message())));
    }
    return true;
  }
  if (*stepped) Account(watch.Lap());
  return *stepped;
}

void ServiceThread::Account(double seconds) {
  int64_t all = 0;
  std::vector<std::pair<ServedChoice*, int64_t>> shares;
  std::vector<int64_t> held;  // positions, of those that had a part in the step
  for (ServedChoice* choice : running_) {
    const int64_t computed = choice->sequence->computed_in_steps();
    const int64_t tokens = computed - std::exchange(choice->accounted_tokens, computed);
    all += tokens;
    const Sequence& sequence = *choice->sequence;
    if (tokens > 0) {
      held.push_back(static_cast<int64_t>(sequence.tokens().size() - sequence.waiting().size()));
    }
    // Reports come after: what has none was a prompt.
    if (choice->first_token == Clock::time_point()) board_.computed_tokens.Add(tokens);
    shares.push_back({choice, tokens});
  }
  for (const auto& [choice, tokens] : shares) {
    queue_.Charge(choice->request->client,
                  seconds * static_cast<double>(tokens) / static_cast<double>(all));
  }
  board_.steps.Add(1);
  board_.step_seconds.Add(seconds);
  board_.iteration_tokens.Add(static_cast<double>(all));
  if (limit_ && scheduler_->IsReading(all) && seconds > 0) {
    board_.step_limit_ratio.Add(limit_->Seconds(held) / seconds);
  }
}

bool ServiceThread::Report() {
  std::vector<ServedChoice*> ended;
  for (ServedChoice* choice : running_) {
    if (choice->sequence->tokens().size() > choice->reported_tokens) ReportTokens(choice);
    if (choice->sequence->CheckFinished()) ended.push_back(choice);
  }
  if (ended.empty()) return false;
  scheduler_->LetGoOfFinished();
  running_.erase(std::remove_if(running_.begin(), running_.end(),
                                [](const ServedChoice* c) { return c->sequence->finished(); }),
                 running_.end());
  UpdateGauges();  // a listener that asks sees that they are gone
  for (ServedChoice* choice : ended) {
    if (choice->request->late) {
      End(choice, absl::AbortedError(absl::StrCat("the request has taken more than the ",
                                                  options_.request_seconds, " s that it may")));
    } else {
      End(choice, choice->sequence->TakeResult());
    }
  }
  return true;
}

void ServiceThread::ReportTokens(ServedChoice* choice) {
  ServedRequest* request = choice->request;
  request->prompt_computed = true;
  const absl::Span<const int32_t> tokens =
      choice->sequence->tokens().subspan(choice->reported_tokens);
  choice->reported_tokens += tokens.size();
  std::vector<std::string> texts = std::exchange(choice->texts, {});
  texts.resize(tokens.size());
  const Clock::time_point now = Clock::now();
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (choice->first_token == Clock::time_point()) {
      choice->first_token = now;
      board_.time_to_first_token.Add(Seconds(now - request->submitted));
    } else {
      board_.inter_token.Add(Seconds(now - choice->last_token));
    }
    choice->last_token = now;
    board_.generated_tokens.Add(1);
    ServedToken token;
    token.id = tokens[i];
    token.text = std::move(texts[i]);
    token.log_probability = choice->chances.log_probability;
    token.likeliest = std::exchange(choice->chances.likeliest, {});
    request->listener->OnToken(choice->index, token);
  }
}

void ServiceThread::LeaveQueue(ServedRequest* request) {
  if (request->started) return;
  request->started = true;
  const std::lock_guard<std::mutex> lock(mutex_);
  --queued_requests_;
  queued_bytes_ -= request->prompt_bytes;
}

void ServiceThread::End(ServedChoice* choice, absl::StatusOr<Generation> result) {
  ServedRequest* request = choice->request;
  if (!request->started) {
    LeaveQueue(request);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (absl::IsDeadlineExceeded(result.status())) ++rejected_[ServiceStats::kQueueTimeout];
    if (absl::IsUnavailable(result.status())) ++rejected_[ServiceStats::kDraining];
  }
  CountEnd(*choice, result);
  if (choice->running) {
    queue_.Finished(request->client);
    const double held = Seconds(Clock::now() - choice->placed);
    held_seconds_ = held_seconds_ == 0 ? held : held_seconds_ + kNewest * (held - held_seconds_);
    retry_after_.Set(held_seconds_ / options_.slots);
  }
  if (choice->index == 0) request->prompt_computed = true;
  request->listener->OnEnd(choice->index, choice->rest, std::move(result));
  if (--request->open_choices > 0) return;
  std::unique_ptr<ServedRequest> last;  // its listener goes without the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = requests_.find(request->id);
  last = std::move(at->second);
  requests_.erase(at);
}

void ServiceThread::EndAll() {
  for (ServedChoice* choice : queue_.Remove([](const ServedChoice*) { return true; })) {
    choice->sequence->Cancel();
    End(choice, choice->sequence->TakeResult());
  }
  for (ServedChoice* choice : std::exchange(hearing_, {})) {
    choice->sequence->Cancel();
    End(choice, choice->sequence->TakeResult());
  }
  for (ServedChoice* choice : std::exchange(running_, {})) {
    choice->sequence->Cancel();
    End(choice, choice->sequence->TakeResult());
  }
}

void ServiceThread::CountEnd(const ServedChoice& choice, const absl::StatusOr<Generation>& result) {
  const Clock::time_point now = Clock::now();
  const ServedRequest& request = *choice.request;
  const auto finish =
      result.ok() ? static_cast<ServiceStats::Finished>(result->finish) : ServiceStats::kError;
  board_.finished[finish].Add(1);
  board_.end_to_end.Add(Seconds(now - request.submitted));
  if (!choice.running || !result.ok()) return;
  board_.prompt_tokens.Add(result->prompt_tokens);
  board_.prefix_queries.Add(result->prompt_tokens);
  board_.prefix_hits.Add(result->reused_tokens);
  board_.request_prompt_tokens.Add(static_cast<double>(result->prompt_tokens));
  board_.request_generated_tokens.Add(static_cast<double>(result->tokens.size()));
  if (choice.first_token == Clock::time_point()) return;
  board_.prefill.Add(Seconds(choice.first_token - choice.placed));
  board_.decode.Add(Seconds(now - choice.first_token));
}

void ServiceThread::UpdateGauges() {
  int64_t paused = 0;
  for (const ServedChoice* choice : running_) paused += choice->paused ? 1 : 0;
  board_.running.Set(static_cast<int64_t>(running_.size() + hearing_.size()));
  board_.waiting.Set(static_cast<int64_t>(queue_.size()));
  board_.paused.Set(paused);
  board_.preemptions.Set(scheduler_->preemptions());
  board_.cache_usage.Set(static_cast<double>(scheduler_->used_pages()) /
                         static_cast<double>(scheduler_->pages()));
}

}  // namespace lluda::engine
