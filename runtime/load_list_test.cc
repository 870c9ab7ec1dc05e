// What the load list asks of the source of weights, and when it gives them back.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cpu_device.h"
#include "runtime/executable_test_util.h"

namespace lluda::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Load, AsksForEveryWeightWithItsSizeAndPassesErrorsOn) {
  for (const absl::Status& error :
       {absl::NotFoundError("model.safetensors: no tensor 'b'"),
        absl::InvalidArgumentError("model.safetensors: tensor 'b' has 8 bytes, not 24")}) {
    ThreadPool pool(1);
    const std::vector<float> data(16);
    FakeWeights weights;
    weights.Add("a", data.data());
    weights.Fail("b", error);
    Program program = OneCall(MakeKernel(CountItems));
    program.weights = {{"a", 12, true}, {"b", 24, false}};
    auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
    ASSERT_TRUE(executable.ok());
    EXPECT_EQ((*executable)->Load(&weights, nullptr), error);
    EXPECT_THAT(weights.asked(),
                ElementsAre(std::pair("a", int64_t{12}), std::pair("b", int64_t{24})));
  }
}

// What a tensor of ReadingProgram holds.
struct LoggedTensor {
  std::vector<std::string>* log;
  std::string name;
};

// Notes which tensors it reads.
void LogRead(const KernelArgs* args) {
  for (int i = 0; i < 2; ++i) {
    const auto* tensor = static_cast<const LoggedTensor*>(args->buffers[i]);
    tensor->log->push_back("read " + tensor->name);
  }
}

TEST(Load, ReleasesEachWeightOnceAfterItsLastReader) {
  ThreadPool pool(1);
  FakeWeights weights;
  std::vector<LoggedTensor> tensors;
  for (const char* name : {"a", "b", "c"}) tensors.push_back({weights.log(), name});
  for (const LoggedTensor& tensor : tensors) weights.Add(tensor.name, &tensor);
  Program program = OneCall(MakeKernel(LogRead));
  program.weights = {{"a", 10, false}, {"b", 20, true}, {"c", 30, false}};
  const BufferRef a{Space::kWeight, 0, 0}, b{Space::kWeight, 1, 0}, c{Space::kWeight, 2, 0};
  program.load = {{0, {a, b}}, {0, {c, c}}, {0, {b, a}}};
  program.entries[0].calls = {{0, {b, b}}};
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  std::vector<int64_t> progress;
  const absl::Status loaded = (*executable)->Load(&weights, [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 60);
    progress.push_back(done);
  });
  ASSERT_EQ(loaded, absl::OkStatus());
  EXPECT_THAT(*weights.log(), ElementsAre("read a", "read b", "read c", "read c", "release c 0+30",
                                          "read b", "read a", "release a 0+10"));
  EXPECT_THAT(progress, ElementsAre(30, 50, 60, 60));

  weights.log()->clear();
  RunStep(executable->get(), {1, 1}, {}, nullptr);
  EXPECT_THAT(*weights.log(), ElementsAre("read b", "read b"));
}

// What the load list alone reads is asked for by its first reader: of what is made when it is asked
// for, no more than one is in memory.
TEST(Load, AsksForAWeightOfTheLoadListWhenItIsRead) {
  ThreadPool pool(1);
  FakeWeights weights;
  std::vector<LoggedTensor> tensors;
  for (const char* name : {"a", "b"}) tensors.push_back({weights.log(), name});
  for (const LoggedTensor& tensor : tensors) weights.Add(tensor.name, &tensor);
  weights.Fail("c", absl::NotFoundError("no c"));
  Program program = OneCall(MakeKernel(LogRead));
  program.weights = {{"a", 10, false}, {"b", 20, true}, {"c", 30, false}};
  const BufferRef a{Space::kWeight, 0, 0}, c{Space::kWeight, 2, 0};
  program.load = {{0, {a, a}}, {0, {c, c}}};
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  EXPECT_EQ((*executable)->Load(&weights, nullptr), absl::NotFoundError("no c"));
  EXPECT_THAT(*weights.log(), ElementsAre("read a", "read a", "release a 0+10"));
  EXPECT_THAT(weights.asked(), ElementsAre(std::pair("b", int64_t{20}), std::pair("a", int64_t{10}),
                                           std::pair("c", int64_t{30})));
}

// Notes in the log of its first buffer which items it was given.
void LogItems(const KernelArgs* args) {
  const auto* tensor = static_cast<const LoggedTensor*>(args->buffers[0]);
  tensor->log->push_back(absl::StrCat("items ", args->begin, "..", args->end));
}

TEST(Load, ReleasesAWeightSliceBySliceWhenItsItemsReadItFrontToBack) {
  ThreadPool pool(1);
  FakeWeights weights;
  const LoggedTensor tensor{weights.log(), "a"};
  weights.Add("a", &tensor);
  constexpr int64_t kItemBytes = 6 << 20;  // two items make a slice of at most 16 MiB
  Kernel kernel = MakeKernel(LogItems, {5, {}});
  kernel.item_read_bytes = kItemBytes;
  Program program = OneCall(kernel);
  program.weights = {{"a", 5 * kItemBytes, false}};
  const BufferRef a{Space::kWeight, 0, 0};
  program.load = {{0, {a}}, {0, {a}}};
  program.entries[0].calls.clear();
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  ASSERT_EQ((*executable)->Load(&weights, nullptr), absl::OkStatus());
  EXPECT_THAT(*weights.log(),
              ElementsAre("items 0..5",  // not the last reader: the weight is still needed
                          "items 0..2", absl::StrCat("release a 0+", 2 * kItemBytes), "items 2..4",
                          absl::StrCat("release a ", 2 * kItemBytes, "+", 2 * kItemBytes),
                          "items 4..5", absl::StrCat("release a ", 4 * kItemBytes, "+", kItemBytes),
                          absl::StrCat("release a 0+", 5 * kItemBytes)));
}

TEST(Load, ReleasesNoMoreThanAWeightHasWhereItsLastItemIsShorter) {
  ThreadPool pool(1);
  constexpr int64_t kItemBytes = 12 << 20;  // each is a slice
  for (const int64_t last : {int64_t{1}, kItemBytes - 1, kItemBytes}) {
    FakeWeights weights;
    const LoggedTensor tensor{weights.log(), "a"};
    weights.Add("a", &tensor);
    Kernel kernel = MakeKernel(LogItems, {2, {}});
    kernel.item_read_bytes = kItemBytes;
    Program program = OneCall(kernel);
    program.weights = {{"a", kItemBytes + last, false}};
    program.load = {{0, {{Space::kWeight, 0, 0}}}};
    program.entries[0].calls.clear();
    auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
    ASSERT_TRUE(executable.ok());
    ASSERT_EQ((*executable)->Load(&weights, nullptr), absl::OkStatus());
    EXPECT_THAT(*weights.log(),
                ElementsAre("items 0..1", absl::StrCat("release a 0+", kItemBytes), "items 1..2",
                            absl::StrCat("release a ", kItemBytes, "+", last),
                            absl::StrCat("release a 0+", kItemBytes + last)));
  }
}

TEST(Load, ReleasesNothingTwiceWhereItsItemsGoOnBehindTheWeight) {
  ThreadPool pool(1);
  FakeWeights weights;
  const LoggedTensor tensor{weights.log(), "a"};
  weights.Add("a", &tensor);
  Kernel kernel = MakeKernel(LogItems, {3, {}});
  kernel.item_read_bytes = 16 << 20;
  Program program = OneCall(kernel);
  program.weights = {{"a", 5, false}};
  program.load = {{0, {{Space::kWeight, 0, 0}}}};
  program.entries[0].calls.clear();
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  ASSERT_EQ((*executable)->Load(&weights, nullptr), absl::OkStatus());
  EXPECT_THAT(*weights.log(), ElementsAre("items 0..1", "release a 0+5", "items 1..2", "items 2..3",
                                          "release a 0+5"));
}

TEST(Load, ReportsAllBytesDoneWhenNoCallReadsWeights) {
  ThreadPool pool(1);
  const float data = 0;
  FakeWeights weights;
  weights.Add("a", &data);
  Program program = OneCall(MakeKernel(CountItems));
  program.weights = {{"a", 4, true}};
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  std::vector<std::pair<int64_t, int64_t>> progress;
  ASSERT_EQ((*executable)
                ->Load(&weights,
                       [&](int64_t done, int64_t total) { progress.emplace_back(done, total); }),
            absl::OkStatus());
  EXPECT_THAT(progress, ElementsAre(std::pair(int64_t{4}, int64_t{4})));
  EXPECT_THAT(*weights.log(), IsEmpty());
}

void NoteDims(const KernelArgs* args) {
  auto* noted = static_cast<int64_t*>(args->buffers[0]);
  for (int i = 0; i < 2; ++i) noted[i] = args->dims[i];
}

TEST(Load, RunsWithTheSymbolsAtTheirMaxima) {
  ThreadPool pool(1);
  Program program = OneCall(MakeKernel(NoteDims));
  program.kernels.push_back(MakeKernel([](const KernelArgs* args) {
    std::copy_n(static_cast<const int64_t*>(args->buffers[0]), 2,
                static_cast<int64_t*>(args->buffers[1]));
  }));
  program.loaded_bytes = 64;
  program.load = {{0, {{Space::kLoaded, 0, 0}}}};
  program.entries[0].calls = {{1, {{Space::kLoaded, 0, 0}, {Space::kOutput, 0, 0}}}};
  FakeWeights weights;
  auto executable = Loaded(std::move(program), &pool, &weights);
  std::vector<int64_t> output(2, 0);
  RunStep(executable.get(), {3, 2}, {}, output.data());
  EXPECT_THAT(output, ElementsAre(64, 8));
}

}  // namespace
}  // namespace lluda::runtime
