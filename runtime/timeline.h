// When the calls of a step ran, and which thread worked on which of them when. An executable fills
// one in if it is given one; without, a step takes no time stamps.
//
//   Timeline timeline(pool.threads());
//   executable->RecordTo(&timeline);
//   session->Evaluate(tokens);
//   executable->RecordTo(nullptr);
//   for (const Timeline::Span& span : timeline.calls()) {
//     Print(executable->program().entry("step").calls[span.call].site, span.end - span.begin);
//   }
//
// What a thread did between a region's begin and end and did not spend in its own spans, it waited.
#ifndef LLUDA_RUNTIME_TIMELINE_H_
#define LLUDA_RUNTIME_TIMELINE_H_

#include <cstdint>
#include <vector>

namespace lluda::runtime {

class Timeline {
 public:
  // Nanoseconds of the clock that Now() reads.
  struct Span {
    uint32_t call = 0;  // index in the calls of the entry that ran
    int64_t begin = 0;
    int64_t end = 0;
  };
  // Neighbouring calls that ran side by side, or just one, from before their work is offered until
  // all of it is done.
  struct Region {
    uint32_t call = 0;   // the first of them
    uint32_t calls = 1;  // how many
    int64_t begin = 0;
    int64_t end = 0;
    bool shared = false;  // between threads
    uint32_t entry = 0;   // index of the entry that ran
  };

  explicit Timeline(int threads) : work_(threads) {}

  static int64_t Now();

  // After the work on its calls was added. Caller's thread only.
  void AddRegion(const Region& region);
  // A chunk of a call's items. Each thread adds its own.
  void AddWork(int thread, const Span& span) { work_[thread].spans.push_back(span); }
  void Clear();

  const std::vector<Region>& regions() const { return regions_; }
  // The regions' times, each divided among its calls as the work on them was: as if they had run
  // one after the other.
  const std::vector<Span>& calls() const { return calls_; }
  const std::vector<Span>& work(int thread) const { return work_[thread].spans; }
  int threads() const { return static_cast<int>(work_.size()); }

 private:
  // A cache line each: threads must not slow each other down by being watched.
  struct alignas(64) Thread {
    std::vector<Span> spans;
  };
  std::vector<Region> regions_;
  std::vector<Span> calls_;
  std::vector<Thread> work_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_TIMELINE_H_
