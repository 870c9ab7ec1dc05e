#include "tools/inspect/trace.h"

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json/json.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

struct Event {
  std::string name, category, kernel;
  int64_t thread = 0, begin = 0, end = 0;  // nanoseconds
};

// Two calls, on two threads, in each of two steps; the worker comes late to the first call and does
// nothing in the second.
runtime::Timeline TwoSteps() {
  runtime::Timeline timeline(2);
  for (const int64_t start : {int64_t{1000000}, int64_t{1020000}}) {
    timeline.AddWork(0, {0, start + 100, start + 4001});
    timeline.AddWork(1, {0, start + 1500, start + 2500});
    timeline.AddWork(1, {0, start + 2500, start + 4900});
    timeline.AddRegion({0, 1, start, start + 5000, true});
    timeline.AddWork(0, {1, start + 5200, start + 7000});
    timeline.AddRegion({1, 1, start + 5100, start + 7007, false});
  }
  return timeline;
}

runtime::Program TwoCalls() {
  runtime::Program program;
  program.kernels.resize(2);
  program.kernels[0].name = "matmul_0";
  program.kernels[1].name = "rope_1";
  program.entries.resize(1);
  program.entries[0].name = "step";
  std::vector<runtime::Call>& calls = program.entries[0].calls;
  calls.resize(2);
  calls[0].site = {"attn", 0, "qkv"};
  calls[1].site = {"attn", 0, "q4"};
  calls[1].kernel = 1;
  return program;
}

int64_t Nanoseconds(simdjson::dom::object event, const char* key) {
  return std::llround(event[key].get_double().value_unsafe() * 1000);
}

std::string Text(simdjson::simdjson_result<simdjson::dom::element> value) {
  std::string_view text;
  return value.get_string().get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

// The slices of a trace; the names of threads are left out.
std::vector<Event> Slices(const std::string& text) {
  std::vector<Event> events;
  const auto json = base::JsonDocument::Parse("trace", text);
  EXPECT_TRUE(json.ok()) << json.status();
  if (!json.ok()) return events;
  const simdjson::dom::array all = json->root().dom()["traceEvents"].get_array().value_unsafe();
  for (const simdjson::dom::element element : all) {
    const simdjson::dom::object event = element.get_object().value_unsafe();
    if (Text(event["ph"]) != "X") continue;
    Event slice;
    slice.name = Text(event["name"]);
    slice.category = Text(event["cat"]);
    slice.kernel = Text(event["args"]["kernel"]);
    slice.thread = event["tid"].get_int64().value_unsafe();
    slice.begin = Nanoseconds(event, "ts");
    slice.end = slice.begin + Nanoseconds(event, "dur");
    events.push_back(slice);
  }
  return events;
}

// Per thread, how long all slices of a category last together.
std::map<int64_t, int64_t> Total(const std::vector<Event>& events, const std::string& category) {
  std::map<int64_t, int64_t> total;
  for (const Event& event : events) {
    if (event.category == category) total[event.thread] += event.end - event.begin;
  }
  return total;
}

TEST(TraceTest, EveryThreadHasTheStepsAndTheirCallsByName) {
  const std::vector<Event> events = Slices(TraceJson(TwoCalls(), TwoSteps()));
  for (const int64_t thread : {0, 1}) {
    std::vector<std::string> names;
    for (const Event& event : events) {
      if (event.thread != thread) continue;
      if (event.category == "step") names.push_back(event.name);
      if (event.category == "call") names.push_back(event.name + " " + event.kernel);
    }
    EXPECT_EQ(names,
              (std::vector<std::string>{"step 0", "attn[0].qkv matmul_0", "attn[0].q4 rope_1",
                                        "step 1", "attn[0].qkv matmul_0", "attn[0].q4 rope_1"}));
  }
}

TEST(TraceTest, SlicesLieInOneAnotherOrApart) {
  const std::vector<Event> events = Slices(TraceJson(TwoCalls(), TwoSteps()));
  ASSERT_FALSE(events.empty());
  for (const Event& a : events) {
    for (const Event& b : events) {
      if (a.thread != b.thread) continue;
      const bool apart = a.end <= b.begin || b.end <= a.begin;
      const bool a_in_b = b.begin <= a.begin && a.end <= b.end;
      const bool b_in_a = a.begin <= b.begin && b.end <= a.end;
      EXPECT_TRUE(apart || a_in_b || b_in_a) << a.name << " " << b.name;
    }
  }
}

TEST(TraceTest, WorkAndWaitAddUpToTheSteps) {
  const std::vector<Event> events = Slices(TraceJson(TwoCalls(), TwoSteps()));
  const auto steps = Total(events, "step");
  auto work = Total(events, "work");
  auto wait = Total(events, "wait");
  EXPECT_EQ(steps, (std::map<int64_t, int64_t>{{0, 2 * 7007}, {1, 2 * 7007}}));
  EXPECT_EQ(work, (std::map<int64_t, int64_t>{{0, 2 * (3901 + 1800)}, {1, 2 * 3400}}));
  for (const int64_t thread : {0, 1}) {
    EXPECT_EQ(work[thread] + wait[thread], steps.at(thread)) << thread;
  }
}

TEST(TraceTest, ATimelineWithoutStepsIsAnEmptyTrace) {
  EXPECT_TRUE(Slices(TraceJson(TwoCalls(), runtime::Timeline(1))).empty());
}

}  // namespace
}  // namespace lluda::tools
