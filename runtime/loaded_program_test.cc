#include "runtime/loaded_program.h"

#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

// Two entries, and weight 1 that both read; kernel 0 is the load list's.
Program TwoEntries() {
  Program program;
  program.kernels.resize(3);
  for (size_t i = 0; i < 3; ++i)
    program.kernels[i].name = std::string(1, static_cast<char>('a' + i));
  program.weights = {{"w", 256, false}, {"v", 100, true}, {"u", 8, true}};
  program.loaded_bytes = 200;
  program.load = {{0, {{Space::kWeight, 0, 0}, {Space::kLoaded, 0, 0}}}};
  program.entries = {{"one", {}, {}, {{2, {{Space::kWeight, 1, 12}, {Space::kOutput, 0, 0}}}}},
                     {"two",
                      {},
                      {},
                      {{2, {{Space::kWeight, 2, 0}, {Space::kFrame, 0, 0}}},
                       {1, {{Space::kWeight, 1, 0}, {Space::kOutput, 0, 0}}}}}};
  return program;
}

TEST(LoadedProgram, NothingIsLeftToLoad) {
  const LoadedProgram loaded = MakeLoadedProgram(TwoEntries());
  EXPECT_TRUE(loaded.program.load.empty());
  EXPECT_TRUE(loaded.program.weights.empty());
  ASSERT_EQ(loaded.program.kernels.size(), 2u);
  EXPECT_EQ(loaded.program.kernels[loaded.program.entry("one").calls[0].kernel].name, "c");
  EXPECT_EQ(loaded.program.kernels[loaded.program.entry("two").calls[0].kernel].name, "c");
  EXPECT_EQ(loaded.program.kernels[loaded.program.entry("two").calls[1].kernel].name, "b");
}

TEST(LoadedProgram, AKernelOfManyRowsStaysWhereItIsCalledByItsIndex) {
  Program program = TwoEntries();
  Kernel many;
  many.name = "many";
  program.kernels.insert(program.kernels.begin() + 1, many);
  for (Entry& entry : program.entries) {
    for (Call& call : entry.calls) ++call.kernel;  // those behind it
  }
  program.kernels[2].many_symbol = 0;  // of "b"
  program.kernels[2].many = 1;
  const LoadedProgram loaded = MakeLoadedProgram(program);
  ASSERT_EQ(loaded.program.kernels.size(), 3u);
  const Kernel& b = loaded.program.kernels[loaded.program.entry("two").calls[1].kernel];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(loaded.program.kernels[b.many].name, "many");
}

TEST(LoadedProgram, EntriesShareTheWeightsThatTheyReadAsTheyAre) {
  const LoadedProgram loaded = MakeLoadedProgram(TwoEntries());
  ASSERT_EQ(loaded.kept.size(), 2u);
  EXPECT_EQ(loaded.kept[0].weight, 1u);
  EXPECT_EQ(loaded.kept[0].offset, 256);
  EXPECT_EQ(loaded.kept[1].weight, 2u);
  EXPECT_EQ(loaded.kept[1].offset, 384);
  EXPECT_EQ(loaded.program.loaded_bytes, 392);
  EXPECT_EQ(loaded.program.entry("one").calls[0].buffers[0], (BufferRef{Space::kLoaded, 0, 268}));
  EXPECT_EQ(loaded.program.entry("two").calls[1].buffers[0], (BufferRef{Space::kLoaded, 0, 256}));
}

TEST(Program, HasNoEntryOfAnotherName) {
  const Program program = TwoEntries();
  EXPECT_EQ(program.FindEntry("three"), nullptr);
  EXPECT_EQ(program.FindEntry("two"), &program.entries[1]);
}

}  // namespace
}  // namespace lluda::runtime
