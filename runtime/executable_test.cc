// Programs with kernels written by hand: what the executable hands to them, and how often.
#include "runtime/executable.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/counting_allocator.h"
#include "runtime/cpu_device.h"
#include "runtime/executable_test_util.h"

namespace lluda::runtime {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Work, IsTheProductOfItsConstantAndOfRoundedUpFactors) {
  const int64_t dims[] = {10, 3};
  EXPECT_EQ((Work{5, {}}).Count(dims), 5);
  EXPECT_EQ((Work{1, {{0, 1}}}).Count(dims), 10);
  EXPECT_EQ((Work{1, {{0, 4}}}).Count(dims), 3);
  EXPECT_EQ((Work{1, {{0, 4, 6}}}).Count(dims), 4);
  EXPECT_EQ((Work{2, {{0, 5}, {1, 1}}}).Count(dims), 12);
}

// Two states of two slots with six positions: three bytes for each slot and position, in runs and
// groups; and one that slots have no share of.
TEST(Executable, CopiesWhatASlotHoldsUpToAPosition) {
  struct Case {
    PositionLayout layout;
    int64_t positions;
    std::string copied;  // of slot 0, which holds A to R
  };
  const Case cases[] = {{{1, 1}, 2, "ABCDEF............"}, {{3, 1}, 2, "AB....GH....MN...."},
                        {{3, 4}, 2, "ABCD..GHIJ..MNOP.."}, {{3, 4}, 5, "ABCDEFGHIJKLMNOPQR"},
                        {{0, 1}, 2, "ABCDEFGHIJKLMNOPQR"}, {{3, 1}, 0, ".................."}};
  ThreadPool pool(1);
  for (const Case& c : cases) {
    Program program = OneCall(MakeKernel([](const KernelArgs*) {}));
    program.symbols = {{"S", 1, 2}, {"C", 6, 6}};
    program.states = {{"numbers", 3, {0, 1}, 0, c.layout}, {"shared", 6, {1}, 0, {}}};
    FakeWeights weights;
    auto executable = Loaded(std::move(program), &pool, &weights);
    const int64_t dims[] = {2, 6};
    auto states = executable->CreateStates(dims);
    ASSERT_TRUE(states.ok()) << states.status();
    char* const numbers = (*states)->buffer(0);
    for (int i = 0; i < 18; ++i) numbers[i] = static_cast<char>('A' + i);
    std::fill_n(numbers + 18, 18, '.');
    ASSERT_EQ(executable->CopyPositions(**states, dims, 0, 1, 0, 1, c.positions), absl::OkStatus());
    EXPECT_EQ(std::string(numbers + 18, 18), c.copied) << c.layout.runs << " " << c.layout.group;
    EXPECT_EQ(std::string(numbers, 18), "ABCDEFGHIJKLMNOPQR");
  }
}

TEST(Executable, RunsEveryWorkItemOnceForAnyThreadsAndDims) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const int64_t cost : {int64_t{1}, kExpensive}) {
      FakeWeights weights;
      auto executable =
          Loaded(OneCall(MakeKernel(CountItems, {3, {{0, 4}, {1, 1}}}, cost)), &pool, &weights);
      for (const int64_t t : {1, 4, 5, 64}) {
        for (const int64_t r : {1, 8}) {
          const int64_t items = 3 * ((t + 3) / 4) * r;
          std::vector<int32_t> counts(static_cast<size_t>(items) + 1, 0);
          RunStep(executable.get(), {t, r}, {}, counts.data());
          EXPECT_EQ(counts.back(), 0) << "one item too many";
          counts.pop_back();
          EXPECT_THAT(counts, Each(1)) << threads << " threads, T " << t << ", R " << r;
        }
      }
    }
  }
}

// Copies its buffers' addresses to the last one.
void NoteBuffers(const KernelArgs* args) {
  for (int i = 0; i < 4; ++i) static_cast<void**>(args->buffers[4])[i] = args->buffers[i];
}

TEST(Executable, ResolvesInputsWeightsStatesAndTheOutput) {
  ThreadPool pool(1);
  const std::vector<float> first(16), second(16), input0(16), input1(16);
  FakeWeights weights;
  weights.Add("first", first.data());
  weights.Add("second", second.data());
  Program program = OneCall(MakeKernel(NoteBuffers));
  program.weights = {{"first", 64, true}, {"second", 64, true}};
  program.states = {{"k", 4, {0}}, {"v", 4, {0, 1}}};
  program.entries[0].inputs = {{"a"}, {"b"}};
  program.entries[0].calls = {{0,
                               {{Space::kInput, 1, 8},
                                {Space::kWeight, 1, 4},
                                {Space::kState, 1, 12},
                                {Space::kOutput, 0, 0},
                                {Space::kOutput, 0, 16}}}};
  auto executable = Loaded(std::move(program), &pool, &weights);
  const std::vector<int64_t> dims = {16, 2};
  auto states = executable->CreateStates(dims);
  ASSERT_TRUE(states.ok());
  std::vector<const void*> output(6, nullptr);
  const void* const inputs[] = {input0.data(), input1.data()};
  ASSERT_EQ(executable->Run(executable->program().entries[0], **states, dims, inputs,
                            static_cast<void*>(output.data())),
            absl::OkStatus());
  EXPECT_THAT(output, ElementsAre(nullptr, nullptr, &input1[2], &second[1],
                                  (*states)->buffer(1) + 12, output.data()));
}

// buffers[0][i] = dims[0] * 1000 + dims[1], of the items that dims[0] counts.
void NoteDims(const KernelArgs* args) {
  for (int64_t i = args->begin; i < args->end; ++i) {
    static_cast<int64_t*>(args->buffers[0])[i] = args->dims[0] * 1000 + args->dims[1];
  }
}

TEST(Executable, CallsOfOneKernelBindItsDimsToSymbolsAndNumbers) {
  ThreadPool pool(1);
  FakeWeights weights;
  Program program = OneCall(MakeKernel(NoteDims, {1, {{0, 1}}}));
  program.kernels[0].dims = 2;
  program.bindings = {{{/*symbol=*/0}, {-1, 512}}, {{/*symbol=*/1}, {/*symbol=*/0}}};
  Call tokens = {0, {{Space::kOutput, 0, 0}}};
  tokens.binding = 0;
  Call rows = {0, {{Space::kOutput, 0, 5 * 8}}};
  rows.binding = 1;
  program.entries[0].calls = {tokens, rows};
  auto executable = Loaded(std::move(program), &pool, &weights);
  std::vector<int64_t> noted(8, 0);
  RunStep(executable.get(), {5, 2}, {}, noted.data());  // T, R
  EXPECT_THAT(noted, ElementsAre(5512, 5512, 5512, 5512, 5512, 2005, 2005, 0));
  RunStep(executable.get(), {3, 1}, {}, noted.data());
  EXPECT_THAT(noted, ElementsAre(3512, 3512, 3512, 5512, 5512, 1003, 2005, 0));
}

TEST(Executable, RefusesToRunWithoutStatesAnEntryThatUsesThem) {
  ThreadPool pool(1);
  FakeWeights weights;
  Program program = OneCall(MakeKernel(NoteBuffers));
  program.states = {{"k", 4, {0}}};
  program.entries[0].name = "audio";
  program.entries[0].calls = {{0, {{Space::kState, 0, 0}, {Space::kOutput, 0, 0}}}};
  auto executable = Loaded(std::move(program), &pool, &weights);
  const std::vector<int64_t> dims = {1, 1};
  int32_t output = 0;
  EXPECT_EQ(executable->Run(executable->program().entries[0], States(), dims, {}, &output),
            absl::InvalidArgumentError("@audio uses states, and is run without any"));
}

// buffers[1][0] = buffers[0][0] + 1
void Increment(const KernelArgs* args) {
  *static_cast<int32_t*>(args->buffers[1]) = *static_cast<const int32_t*>(args->buffers[0]) + 1;
}

TEST(Executable, PassesValuesOnThroughTheFrameAndTheLoadedMemory) {
  ThreadPool pool(2);
  const int32_t seed = 40;
  FakeWeights weights;
  weights.Add("seed", &seed);
  Program program = OneCall(MakeKernel(Increment));
  program.weights = {{"seed", 4, false}};
  program.loaded_bytes = 128;
  program.frame_bytes = 128;
  program.load = {{0, {{Space::kWeight, 0, 0}, {Space::kLoaded, 0, 64}}}};
  program.entries[0].calls = {{0, {{Space::kLoaded, 0, 64}, {Space::kFrame, 0, 0}}},
                              {0, {{Space::kFrame, 0, 0}, {Space::kFrame, 0, 64}}},
                              {0, {{Space::kFrame, 0, 64}, {Space::kOutput, 0, 0}}}};
  auto executable = Loaded(std::move(program), &pool, &weights);
  for (int step = 0; step < 2; ++step) {
    int32_t output = 0;
    RunStep(executable.get(), {1, 1}, {}, &output);
    EXPECT_EQ(output, 44);
  }
}

TEST(Executable, CreatesZeroedStatesOfTheSizeTheDimsAsk) {
  ThreadPool pool(1);
  Program program = OneCall(MakeKernel(CountItems));
  program.states = {{"k", 6, {0, 1}}, {"constant", 10, {}}};
  FakeWeights weights;
  auto executable = Loaded(std::move(program), &pool, &weights);
  const std::vector<int64_t> dims = {5, 7};
  auto states = executable->CreateStates(dims);
  ASSERT_TRUE(states.ok());
  EXPECT_EQ((*states)->bytes(), 6 * 5 * 7 + 10);
  EXPECT_THAT(std::vector<char>((*states)->buffer(0), (*states)->buffer(0) + 210), Each(0));
  auto others = executable->CreateStates(dims);
  ASSERT_TRUE(others.ok());
  EXPECT_NE((*states)->buffer(0), (*others)->buffer(0));
}

TEST(Executable, SaysWhichStateFindsNoMemory) {
  ThreadPool pool(1);
  Program program = OneCall(MakeKernel(CountItems));
  program.symbols[0].max = int64_t{1} << 60;
  program.states = {{"k_cache[3]", 4, {0}}};
  FakeWeights weights;
  auto executable = Loaded(std::move(program), &pool, &weights);
  const std::vector<int64_t> dims = {int64_t{1} << 60, 1};
  const auto states = executable->CreateStates(dims);
  ASSERT_FALSE(states.ok());
  EXPECT_EQ(states.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(states.status().message()), HasSubstr("state k_cache[3]"));
}

TEST(Executable, RefusesADimOutOfRangeBeforeItRunsAnything) {
  ThreadPool pool(1);
  FakeWeights weights;
  auto executable = Loaded(OneCall(MakeKernel(CountItems)), &pool, &weights);
  const std::vector<int64_t> fine = {1, 1};
  auto states = executable->CreateStates(fine);
  ASSERT_TRUE(states.ok());
  int32_t output = 0;
  for (const auto& [t, r, message] : {std::tuple{65, 1, "symbol T is 65, must be 1..64"},
                                      {0, 1, "symbol T is 0, must be 1..64"},
                                      {64, 9, "symbol R is 9, must be 1..8"}}) {
    const std::vector<int64_t> dims = {t, r};
    const absl::Status status =
        executable->Run(executable->program().entries[0], **states, dims, {}, &output);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), message);
  }
  EXPECT_EQ(output, 0);
}

TEST(Executable, AllocatesNothingInAStep) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    Program program = OneCall(MakeKernel(CountItems, {1, {{0, 1}}}, kExpensive));
    program.entries[0].calls.push_back({0, {{Space::kFrame, 0, 0}}});
    program.frame_bytes = 64 * 4;
    FakeWeights weights;
    auto executable = Loaded(std::move(program), &pool, &weights);
    const std::vector<int64_t> dims = {64, 1};
    auto states = executable->CreateStates(dims);
    ASSERT_TRUE(states.ok());
    std::vector<int32_t> output(64, 0);
    const int64_t before = AllocationCount();
    const absl::Status status =
        executable->Run(executable->program().entries[0], **states, dims, {}, output.data());
    const int64_t after = AllocationCount();
    EXPECT_EQ(status, absl::OkStatus());
    EXPECT_EQ(after, before);
    EXPECT_THAT(output, Each(1));
  }
}

}  // namespace
}  // namespace lluda::runtime
