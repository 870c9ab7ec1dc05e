// When each call of a step ran, and which thread worked on it when. An executable fills one in if
// it is given one; without, a step takes no time stamps.
//
//   Timeline timeline(pool.threads());
//   executable->RecordTo(&timeline);
//   session->Evaluate(tokens);
//   executable->RecordTo(nullptr);
//   for (const Timeline::Span& span : timeline.calls()) {
//     Print(executable->program().step[span.call].name, span.end - span.begin);
//   }
//
// What a thread did between a call's begin and end and did not spend in its own spans, it waited.
#ifndef LLUDA_RUNTIME_TIMELINE_H_
#define LLUDA_RUNTIME_TIMELINE_H_

#include <cstdint>
#include <vector>

namespace lluda::runtime {

class Timeline {
 public:
  // Nanoseconds of the clock that Now() reads.
  struct Span {
    uint32_t call = 0;  // index in Program::step
    int64_t begin = 0;
    int64_t end = 0;
  };

  explicit Timeline(int threads) : work_(threads) {}

  static int64_t Now();

  // A whole call, from before its work is offered until all of it is done. Caller's thread only.
  void AddCall(const Span& span) { calls_.push_back(span); }
  // A chunk of a call's items. Each thread adds its own.
  void AddWork(int thread, const Span& span) { work_[thread].spans.push_back(span); }
  void Clear();

  const std::vector<Span>& calls() const { return calls_; }
  const std::vector<Span>& work(int thread) const { return work_[thread].spans; }
  int threads() const { return static_cast<int>(work_.size()); }

 private:
  // A cache line each: threads must not slow each other down by being watched.
  struct alignas(64) Thread {
    std::vector<Span> spans;
  };
  std::vector<Span> calls_;
  std::vector<Thread> work_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_TIMELINE_H_
