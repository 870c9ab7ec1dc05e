// A kernel of words alone, in both of their meanings.
#include "codegen/nvptx/words/words.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "codegen/emit/integer.h"
#include "codegen/llvm/jit.h"
#include "codegen/nvptx/ptx.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/gpu/block_runner.h"

namespace lluda::codegen {
namespace {

using ::testing::HasSubstr;

// result[block * 256 + thread] = the sum over the warp of x, plus what the next thread of the block
// has left in shared memory: ten times its number.
void Emit(GpuEmitter& e) {
  auto& b = e.b();
  const auto place = [&](Value* base, Value* i) { return e.Address(base, i, ir::DType::kF32); };
  Value* at = b.CreateAdd(b.CreateMul(e.Block(), e.Const(runtime::kBlockThreads)), e.Thread());
  Value* sum = e.WarpSum(e.Load(place(e.Buffer(0), at), ir::DType::kF32, 1));
  Value* shared = e.Shared(4 * runtime::kBlockThreads);
  Value* tenfold = b.CreateMul(e.Thread(), e.Const(10));
  e.Store(place(shared, e.Thread()), ir::DType::kF32, b.CreateSIToFP(tenfold, e.F32(1)));
  e.Barrier();
  Value* next = b.CreateURem(b.CreateAdd(e.Thread(), e.Const(1)), e.Const(runtime::kBlockThreads));
  Value* left = e.Load(place(shared, next), ir::DType::kF32, 1);
  e.Store(place(e.Buffer(1), at), ir::DType::kF32, b.CreateFAdd(sum, left));
  e.Finish();
}

TEST(Words, AreCallsIntoTheSimulatedGpu) {
  const Target target = Target::Host();
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("test", *context);
  Emit(*GpuEmitter::Begin(Form{/*simulated=*/true}, module.get(), target, "kernel", {"T"}, 2));
  auto jit = Jit::Create(target, {});
  ASSERT_TRUE(jit.ok()) << jit.status();
  ASSERT_EQ((*jit)->AddModule(std::move(context), std::move(module)), absl::OkStatus());
  auto library = std::move(**jit).Compile({"kernel"});
  ASSERT_TRUE(library.ok()) << library.status();
  std::vector<float> x(2 * runtime::kBlockThreads), y(x.size(), -1);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  void* buffers[] = {x.data(), y.data()};
  const int64_t dims[] = {1};
  auto runner = runtime::BlockRunner::Create();
  ASSERT_TRUE(runner.ok()) << runner.status();
  ASSERT_EQ((*runner)->Run((*library)->Find("kernel"), buffers, dims, 1), absl::OkStatus());
  EXPECT_EQ(y[0], -1) << "of another block";
  // Thread 37 of block 1: its warp has 288 to 319, and thread 38 left 380.
  EXPECT_EQ(y[256 + 37], 32 * 288 + 31 * 16 + 380);
  EXPECT_EQ(y[256 + 255], 32 * 480 + 31 * 16 + 0);
}

// result[lane] = the lane's first sum of a product of its own words; and the last of two blocks, the
// one that counts the second arrival, writes 1 behind them.
void EmitProduct(GpuEmitter& e) {
  auto& b = e.b();
  e.WantBlocks(2);
  Value* shared = e.Shared(16 * runtime::kBlockThreads);
  Value* own = b.CreateInBoundsGEP(e.Int(32, 4), shared, e.Thread());
  e.BeginCopy(own, b.CreateInBoundsGEP(e.Int(32, 4), e.Buffer(0), e.Thread()));
  e.CloseCopies();
  e.WaitForCopies(0);
  e.Barrier();
  Value* words = b.CreateAlignedLoad(e.Int(32, 4), own, llvm::Align(16));
  std::vector<Value*> a;
  for (uint64_t i = 0; i < 4; ++i) a.push_back(b.CreateExtractElement(words, i));
  const std::vector<Value*> zeros(4, e.ConstF32(0, 1));
  e.WaitForEarlier();
  const auto sums = e.Multiply(a, {a[0], a[2]}, zeros);
  e.Store(e.Address(e.Buffer(1), e.Thread(), ir::DType::kF32), ir::DType::kF32, sums[0]);
  e.IfLastBlock(e.Workspace(), e.Const(2), [&] {
    Value* behind = e.Address(e.Buffer(1), e.Const(runtime::kBlockThreads), ir::DType::kF32);
    e.Store(behind, ir::DType::kF32, e.ConstF32(1, 1));
  });
  e.Finish();
}

TEST(Words, OfProductsAndOfTheLastBlockAreSimulated) {
  const Target target = Target::Host();
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("test", *context);
  EmitProduct(
      *GpuEmitter::Begin(Form{/*simulated=*/true}, module.get(), target, "kernel", {"T"}, 2));
  auto jit = Jit::Create(target, {});
  ASSERT_TRUE(jit.ok()) << jit.status();
  ASSERT_EQ((*jit)->AddModule(std::move(context), std::move(module)), absl::OkStatus());
  auto library = std::move(**jit).Compile({"kernel"});
  ASSERT_TRUE(library.ok()) << library.status();
  alignas(16) static uint32_t x[4 * runtime::kBlockThreads];
  std::fill(std::begin(x), std::end(x), 0x40003F80);  // 1 and 2
  std::vector<float> y(runtime::kBlockThreads + 1, -1);
  void* buffers[] = {x, y.data()};
  const int64_t dims[] = {1};
  int32_t counter = 0;
  auto runner = runtime::BlockRunner::Create();
  ASSERT_TRUE(runner.ok()) << runner.status();
  const auto run = [&](int64_t block) {
    return (*runner)->Run((*library)->Find("kernel"), buffers, dims, block, &counter);
  };
  ASSERT_EQ(run(0), absl::OkStatus());
  EXPECT_EQ(y[0], 8 * 1 + 8 * 4) << "16 products";
  EXPECT_EQ(y.back(), -1) << "the first block is not the last";
  EXPECT_EQ(counter, 1);
  ASSERT_EQ(run(1), absl::OkStatus());
  EXPECT_EQ(y.back(), 1);
  EXPECT_EQ(counter, 0) << "ready for the next call";
}

TEST(Words, OfProductsAreInstructionsOfAGpu) {
  const Target target = Target::Host();
  for (const Gpu& gpu : AllGpus()) {
    llvm::LLVMContext context;
    llvm::Module module("test", context);
    const Form form = {/*simulated=*/false, gpu.overlaps, gpu.tiles};
    EmitProduct(*GpuEmitter::Begin(form, &module, target, "kernel", {"T"}, 2));
    const auto ptx = PtxOf(gpu, &module);
    ASSERT_TRUE(ptx.ok()) << ptx.status();
    for (const char* text :
         {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", "cp.async.cg.shared.global",
          "cp.async.wait_group 0", "fence.acq_rel.gpu", "atom", ".minnctapersm 2"}) {
      EXPECT_THAT(*ptx, HasSubstr(text)) << gpu.name;
    }
    EXPECT_EQ(ptx->find("griddepcontrol.wait") != std::string::npos, gpu.overlaps) << gpu.name;
  }
}

// result[4 * thread + i] = the thread's sums of tiles of 64 rows and of 8 columns, the 72 rows of the
// first buffer, added twice.
void EmitTile(GpuEmitter& e) {
  auto& b = e.b();
  constexpr int64_t kRows = 72, kChunks = runtime::kTileRowBytes / 16;
  // More than every GPU gives.
  Value* shared = e.Shared(runtime::kMaxSharedBytes + 1);
  e.Loop(e.Thread(), e.Const(kRows * kChunks), runtime::kBlockThreads, [&](Value* i) {
    const Integer row = Integer(e, i) / kChunks;
    const Integer chunk(e, b.CreateXor(Integer(e, i) % kChunks, row % 8));
    Value* place = row * runtime::kTileRowBytes + chunk * 16;
    e.BeginCopy(e.Address(shared, place, ir::DType::kI8),
                b.CreateInBoundsGEP(e.Int(32, 4), e.Buffer(0), i));
  });
  e.CloseCopies();
  e.WaitForCopies(0);
  e.ShowTiles();
  e.Barrier();
  Value* columns = e.Address(shared, e.Const(64 * runtime::kTileRowBytes), ir::DType::kI8);
  std::vector<Value*> sums = e.EndTile(e.BeginTile(shared, columns, 8, {}));
  sums = e.EndTile(e.BeginTile(shared, columns, 8, sums));
  for (int64_t i = 0; i < 4; ++i) {
    Value* place = Integer(e, e.Thread()) * 4 + i;
    e.Store(e.Address(e.Buffer(1), place, ir::DType::kF32), ir::DType::kF32,
            sums[static_cast<size_t>(i)]);
  }
  e.Finish();
}

TEST(Words, OfTilesAreSimulated) {
  const Target target = Target::Host();
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("test", *context);
  const Form form = {/*simulated=*/true, /*overlaps=*/false, /*tiles=*/true};
  const auto e = GpuEmitter::Begin(form, module.get(), target, "kernel", {"T"}, 2);
  EmitTile(*e);
  EXPECT_EQ(e->LaunchBytes(), runtime::kMaxSharedBytes + 1);
  auto jit = Jit::Create(target, {});
  ASSERT_TRUE(jit.ok()) << jit.status();
  ASSERT_EQ((*jit)->AddModule(std::move(context), std::move(module)), absl::OkStatus());
  auto library = std::move(**jit).Compile({"kernel"});
  ASSERT_TRUE(library.ok()) << library.status();
  // Whole numbers from -8 to 8, whose upper halves of f32 are bf16.
  const auto element = [](size_t row, size_t k) {
    return static_cast<float>((row * 7 + k * 5) % 17) - 8;
  };
  alignas(16) static uint16_t x[72][64];
  for (size_t row = 0; row < 72; ++row) {
    for (size_t k = 0; k < 64; ++k) {
      const float value = element(row, k);
      uint32_t bits = 0;
      std::memcpy(&bits, &value, sizeof(bits));
      x[row][k] = static_cast<uint16_t>(bits >> 16);
    }
  }
  std::vector<float> y(4 * runtime::kBlockThreads, -1);
  void* buffers[] = {x, y.data()};
  const int64_t dims[] = {1};
  auto runner = runtime::BlockRunner::Create();
  ASSERT_TRUE(runner.ok()) << runner.status();
  ASSERT_EQ(
      (*runner)->Run((*library)->Find("kernel"), buffers, dims, 0, nullptr, runtime::kMaxTileBytes),
      absl::OkStatus());
  for (size_t thread = 0; thread < runtime::kBlockThreads; ++thread) {
    for (size_t i = 0; i < 4; ++i) {
      const size_t row = thread % 128 / 32 * 16 + thread % 32 / 4 + i / 2 * 8;
      const size_t column = 64 + thread % 4 * 2 + i % 2;
      float sum = 0;
      for (size_t k = 0; k < 64; ++k) sum += 2 * element(row, k) * element(column, k);
      EXPECT_EQ(y[4 * thread + i], sum) << "thread " << thread << ", sum " << i;
    }
  }
}

TEST(Words, OfTilesAreInstructionsOfAGpu) {
  const Target target = Target::Host();
  for (const Gpu& gpu : AllGpus()) {
    if (!gpu.tiles) continue;
    llvm::LLVMContext context;
    llvm::Module module("test", context);
    EmitTile(*GpuEmitter::Begin({/*simulated=*/false, gpu.overlaps, gpu.tiles}, &module, target,
                                "kernel", {"T"}, 2));
    const auto ptx = PtxOf(gpu, &module);
    ASSERT_TRUE(ptx.ok()) << ptx.status();
    for (const char* text :
         {"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16", "fence.proxy.async.shared::cta",
          "wgmma.wait_group.sync.aligned 0", ".extern .shared"}) {
      EXPECT_THAT(*ptx, HasSubstr(text)) << gpu.name;
    }
  }
}

// What each thread's word becomes: its bytes behind one another's bf16 of 128, from which 136 is taken
// away.
void EmitPairs(GpuEmitter& e) {
  auto& b = e.b();
  const auto word = [&](int64_t value) { return e.ConstInt(value, 32, 1); };
  Value* own = b.CreateAlignedLoad(
      e.Int(32, 1), e.Address(e.Buffer(0), e.Thread(), ir::DType::kI32), llvm::Align(4));
  Value* pair = e.PickBytes(own, word(0x43434343), word(0x4240));
  Value* less = e.MultiplyAddPairs(pair, word(0x3F803F80), word(0xC308C308));
  b.CreateAlignedStore(less, e.Address(e.Buffer(1), e.Thread(), ir::DType::kI32), llvm::Align(4));
  e.Finish();
}

TEST(Words, OfBytesAndPairsAreSimulated) {
  const Target target = Target::Host();
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("test", *context);
  EmitPairs(*GpuEmitter::Begin(Form{/*simulated=*/true}, module.get(), target, "kernel", {"T"}, 2));
  auto jit = Jit::Create(target, {});
  ASSERT_TRUE(jit.ok()) << jit.status();
  ASSERT_EQ((*jit)->AddModule(std::move(context), std::move(module)), absl::OkStatus());
  auto library = std::move(**jit).Compile({"kernel"});
  ASSERT_TRUE(library.ok()) << library.status();
  std::vector<uint32_t> x(runtime::kBlockThreads, 0xAA0FBB02), y(runtime::kBlockThreads);
  void* buffers[] = {x.data(), y.data()};
  const int64_t dims[] = {1};
  auto runner = runtime::BlockRunner::Create();
  ASSERT_TRUE(runner.ok()) << runner.status();
  ASSERT_EQ((*runner)->Run((*library)->Find("kernel"), buffers, dims, 0), absl::OkStatus());
  EXPECT_EQ(y.back(), 0x40E0C0C0u) << "7, and -6 below it";
}

TEST(Words, OfBytesAndPairsAreInstructionsOfAGpu) {
  const Target target = Target::Host();
  for (const Gpu& gpu : AllGpus()) {
    llvm::LLVMContext context;
    llvm::Module module("test", context);
    EmitPairs(*GpuEmitter::Begin(Form{}, &module, target, "kernel", {"T"}, 2));
    const auto ptx = PtxOf(gpu, &module);
    ASSERT_TRUE(ptx.ok()) << ptx.status();
    for (const char* text : {"prmt.b32", "fma.rn.bf16x2"}) {
      EXPECT_THAT(*ptx, HasSubstr(text)) << gpu.name;
    }
  }
}

TEST(Words, AreInstructionsOfAGpu) {
  llvm::LLVMContext context;
  llvm::Module module("test", context);
  const Target target = Target::Host();
  Emit(*GpuEmitter::Begin(Form{}, &module, target, "kernel", {"T"}, 2));
  const auto ptx = PtxOf(AllGpus()[0], &module);
  ASSERT_TRUE(ptx.ok()) << ptx.status();
  for (const char* text : {"shfl.sync.idx.b32", "bar.sync", "%tid.x", "%ctaid.x", "ld.global.f32",
                           "st.shared.f32", ".shared .align 1024 .b8", ".maxntid 256"}) {
    EXPECT_THAT(*ptx, HasSubstr(text));
  }
}

}  // namespace
}  // namespace lluda::codegen
