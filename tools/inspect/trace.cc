#include "tools/inspect/trace.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lluda::tools {
namespace {

using runtime::Program;
using runtime::Timeline;
using Spans = std::vector<Timeline::Span>;
using Regions = std::vector<Timeline::Region>;

// Names come from the IR and from kernels: they hold nothing that JSON would have to escape.
class TraceWriter {
 public:
  TraceWriter(const Program& program, int64_t origin) : program_(program), origin_(origin) {}

  void Thread(int thread) {
    thread_ = thread;
    Put(absl::StrCat("\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": ", thread,
                     ", \"args\": {\"name\": \"", thread == 0 ? "caller" : "worker ",
                     thread == 0 ? "" : absl::StrCat(thread), "\"}"));
  }

  void Slice(absl::string_view name, absl::string_view category, int64_t begin, int64_t end,
             absl::string_view kernel = "") {
    std::string text = absl::StrFormat(
        "\"name\": \"%s\", \"cat\": \"%s\", \"ph\": \"X\", \"pid\": 1, \"tid\": "
        "%d, \"ts\": %s, \"dur\": %s",
        name, category, thread_, Micros(begin - origin_), Micros(end - begin));
    if (!kernel.empty()) absl::StrAppend(&text, ", \"args\": {\"kernel\": \"", kernel, "\"}");
    Put(text);
  }

  // Waiting, if there is any.
  void Wait(int64_t begin, int64_t end) {
    if (end > begin) Slice("wait", "wait", begin, end);
  }

  // Regions [first, last) of the timeline, a step; `work`, the thread's spans from `*next` on,
  // which moves behind the step's.
  void Step(int64_t number, const Regions& regions, size_t first, size_t last, const Spans& work,
            size_t* next) {
    Slice(absl::StrCat("step ", number), "step", regions[first].begin, regions[last - 1].end);
    int64_t now = regions[first].begin;
    for (size_t i = first; i < last; ++i) {
      const Timeline::Region& region = regions[i];
      Wait(now, region.begin);
      Calls(region);
      now = region.begin;
      for (; *next < work.size() && work[*next].begin < region.end; ++*next) {
        Wait(now, work[*next].begin);
        Slice("work", "work", work[*next].begin, work[*next].end);
        now = work[*next].end;
      }
      Wait(now, region.end);
      now = region.end;
    }
  }

  std::string Take() {
    return absl::StrCat("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n", events_, "\n]}\n");
  }

 private:
  // One slice for all that run side by side.
  void Calls(const Timeline::Region& region) {
    std::vector<std::string> names, kernels;
    for (uint32_t i = region.call; i < region.call + region.calls; ++i) {
      const runtime::Call& call = program_.entries[region.entry].calls[i];
      names.push_back(ToString(call.site));
      kernels.push_back(program_.kernels[call.kernel].name);
    }
    Slice(absl::StrJoin(names, " "), "call", region.begin, region.end, absl::StrJoin(kernels, " "));
  }
  static std::string Micros(int64_t nanoseconds) {
    return absl::StrFormat("%d.%03d", nanoseconds / 1000, nanoseconds % 1000);
  }
  void Put(absl::string_view fields) {
    absl::StrAppend(&events_, events_.empty() ? "" : ",\n", "{", fields, "}");
  }

  const Program& program_;
  int64_t origin_;
  int thread_ = 0;
  std::string events_;
};

}  // namespace

std::string TraceJson(const Program& program, const Timeline& timeline) {
  const Regions& regions = timeline.regions();
  TraceWriter writer(program, regions.empty() ? 0 : regions[0].begin);
  for (int thread = 0; thread < timeline.threads(); ++thread) {
    writer.Thread(thread);
    size_t next = 0;
    int64_t number = 0;
    for (size_t first = 0, last = 0; first < regions.size(); first = last) {
      last = first + 1;
      while (last < regions.size() && regions[last].call > regions[last - 1].call) ++last;
      writer.Step(number++, regions, first, last, timeline.work(thread), &next);
    }
  }
  return writer.Take();
}

}  // namespace lluda::tools
