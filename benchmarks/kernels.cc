// The kernels that take the time, one by one: matmuls and attention of Qwen3-0.6B's shapes, for
// each row of machine/tiles.def that this CPU can run, on all cores.
//
//   bazel run //benchmarks:kernels -- --benchmark_filter=avx512bf16.*decode
//
// FLOP/s counts two operations a product, B/s the weights or the cache that are read.
// Each benchmark is a module of its own, written as the importer would and taken through the
// default passes, so that layouts and fusions are those of a model. Weights and caches are repeated
// until they are far larger than the caches where a model would find them cold: when decoding.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/align.h"
#include "base/status_macros.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "ir/text/parser.h"
#include "ir/type/encoding.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "runtime/cpu_device.h"
#include "runtime/executable.h"
#include "runtime/machine/cpu_count.h"

namespace lluda::benchmarks {
namespace {

constexpr int64_t kPromptTokens = 512;
constexpr int64_t kDepth = 4096;
constexpr int64_t kColdBytes = int64_t{256} << 20;
// What a step of one prompt repeats, so that calls follow each other as in a model.
constexpr int64_t kPromptLayers = 2;

// The sum only gives each product a place to go: fuse-epilogue adds it in the kernel. The two
// scales are there because a loop begins and a step ends with an op of its own.
constexpr char kMatmulText[] = R"(lluda 1
module @kernel {
  symbol T in 1..512
  weight @w[layer < LAYERS] : B_TYPE column[OUT] inner[IN] from "w{layer}"
  func @step(%x: A_TYPE tok[T] inner[IN], %init: f32 tok[T] column[OUT]) -> f32 tok[T] column[OUT] {
    %acc = scale %init {by = 0.5} : f32 tok[T] column[OUT]
    %sum = for layer in 0..LAYERS carry %before = %acc {
      %y = matmul %x @w[layer] over inner : f32 tok[T] column[OUT]
      %after = add %before %y : f32 tok[T] column[OUT]
      yield %after
    } : f32 tok[T] column[OUT]
    %last = scale %sum {by = 0.5} : f32 tok[T] column[OUT]
    return %last
  }
}
)";

// A layer's attention with the last one's result as its query.
constexpr char kAttentionText[] = R"(lluda 1
module @kernel {
  symbol T in 1..512
  symbol S in 1..1
  symbol C in 64..CAPACITY
  state @k_cache[layer < LAYERS] : A_TYPE slot[S] kv[8] pos[C] dim[128]
  state @v_cache[layer < LAYERS] : A_TYPE slot[S] kv[8] pos[C] dim[128]
  func @attn[layer < LAYERS](%q: A_TYPE tok[T] kv[8] rep[2] dim[128], %k: A_TYPE tok[T] kv[8] dim[128], %pos: i32 tok[T], %slot: i32 tok[T]) -> A_TYPE tok[T] kv[8] rep[2] dim[128] {
    %ks = append @k_cache[layer] %k over slot pos at %slot %pos : A_TYPE slot[S] kv[8] pos[C] dim[128]
    %vs = append @v_cache[layer] %k over slot pos at %slot %pos : A_TYPE slot[S] kv[8] pos[C] dim[128]
    %kx = gather %ks over slot at %slot : A_TYPE tok[T] kv[8] pos[C] dim[128]
    %vx = gather %vs over slot at %slot : A_TYPE tok[T] kv[8] pos[C] dim[128]
    %s0 = matmul %q %kx over dim : f32 tok[T] kv[8] rep[2] pos[C]
    %s1 = scale %s0 {by = 0.08838834764831843} : f32 tok[T] kv[8] rep[2] pos[C]
    %s2 = causal_mask %s1 over pos at %pos : f32 tok[T] kv[8] rep[2] pos[C]
    %mx = reduce_max %s2 over pos : f32 tok[T] kv[8] rep[2]
    %s3 = sub %s2 %mx : f32 tok[T] kv[8] rep[2] pos[C]
    %e = exp %s3 : f32 tok[T] kv[8] rep[2] pos[C]
    %z = reduce_sum %e over pos : f32 tok[T] kv[8] rep[2]
    %p = div %e %z : f32 tok[T] kv[8] rep[2] pos[C]
    %o0 = matmul %p %vx over pos : f32 tok[T] kv[8] rep[2] dim[128]
    %o = cast %o0 {out = A_TYPE} : A_TYPE tok[T] kv[8] rep[2] dim[128]
    return %o
  }
  func @step(%init: f32 tok[T] kv[8] rep[2] dim[128], %k: A_TYPE tok[T] kv[8] dim[128], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[8] rep[2] dim[128] {
    %scaled = scale %init {by = 0.5} : f32 tok[T] kv[8] rep[2] dim[128]
    %q = cast %scaled {out = A_TYPE} : A_TYPE tok[T] kv[8] rep[2] dim[128]
    %out = for layer in 0..LAYERS carry %x = %q {
      %y = call @attn[layer] %x %k %pos %slot : A_TYPE tok[T] kv[8] rep[2] dim[128]
      yield %y
    } : A_TYPE tok[T] kv[8] rep[2] dim[128]
    %wide = cast %out {out = f32} : f32 tok[T] kv[8] rep[2] dim[128]
    %last = scale %wide {by = 0.5} : f32 tok[T] kv[8] rep[2] dim[128]
    return %last
  }
}
)";

// The weights of a program, all of one size, from one block of memory; packing makes copies of it.
// Its bytes are small numbers in every dtype.
class AnyWeights : public runtime::WeightSource {
 public:
  absl::StatusOr<const void*> Data(const std::string&, int64_t bytes) override {
    if (bytes_.empty()) bytes_.assign(static_cast<size_t>(bytes), 0x3c);
    return bytes_.data();
  }
  void Release(const std::string&, int64_t, int64_t) override {}

 private:
  std::vector<char> bytes_;
};

class Program {
 public:
  static absl::StatusOr<std::unique_ptr<Program>> Create(const std::string& text,
                                                         const codegen::Target& target) {
    std::unique_ptr<Program> program(new Program());
    ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ir::ParseModule(text, "kernel.lluda"));
    ASSIGN_OR_RETURN(auto pipeline, passes::Pipeline::Create(passes::DefaultPipeline(), {}));
    RETURN_IF_ERROR(pipeline.Run(module.get()));
    ASSIGN_OR_RETURN(codegen::CompiledModule compiled, codegen::Compile(*module, target, {}));
    program->library_ = std::move(compiled.library);
    ASSIGN_OR_RETURN(
        program->executable_,
        runtime::Executable::Create(std::move(compiled.program),
                                    std::make_unique<runtime::CpuDevice>(&program->pool_)));
    RETURN_IF_ERROR(program->executable_->Load(&program->weights_, nullptr));
    return program;
  }

  // Runs steps until the benchmark has enough of them; inputs of `input_bytes` bytes each but for
  // the last ones, which are `indices`.
  void Run(benchmark::State& state, const std::vector<int64_t>& dims,
           const std::vector<int64_t>& input_bytes,
           const std::vector<std::vector<int32_t>>& indices) {
    const runtime::Entry& entry = executable_->program().entries[0];
    auto states = executable_->CreateStates(dims);
    if (!states.ok()) return state.SkipWithError(states.status().ToString().c_str());
    for (size_t i = 0; i < executable_->program().states.size(); ++i) {
      const int64_t bytes = executable_->program().states[i].Bytes(dims);
      std::memset((*states)->buffer(static_cast<uint32_t>(i)), 0x3c, static_cast<size_t>(bytes));
    }
    std::vector<std::vector<char>> inputs;
    std::vector<const void*> pointers;
    inputs.reserve(input_bytes.size());
    for (const int64_t bytes : input_bytes) {
      pointers.push_back(inputs.emplace_back(static_cast<size_t>(bytes), 0x3c).data());
    }
    for (const auto& values : indices) pointers.push_back(values.data());
    std::vector<char> output(
        static_cast<size_t>(entry.result.Bytes(executable_->program().MaxDims())));
    while (state.KeepRunning()) {
      absl::Status status = executable_->Run(entry, **states, dims, pointers, output.data());
      if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
    }
  }

 private:
  Program() : pool_(runtime::UsablePhysicalCores()) {}

  runtime::ThreadPool pool_;
  AnyWeights weights_;
  std::unique_ptr<codegen::KernelLibrary> library_;
  std::unique_ptr<runtime::Executable> executable_;
};

struct Shape {
  const char* name;
  int64_t in;
  int64_t out;
  bool in_prompts;  // the head runs on one row only
};
constexpr Shape kShapes[] = {
    {"qkv", 1024, 4096, true},  {"o", 2048, 1024, true},       {"gate_up", 1024, 6144, true},
    {"down", 3072, 1024, true}, {"head", 1024, 151936, false},
};

benchmark::Counter PerSecond(double amount) {
  return {amount, benchmark::Counter::kIsIterationInvariantRate};
}

void Matmul(benchmark::State& state, const codegen::TileRow& row, const Shape& shape,
            int64_t tokens) {
  const auto target = codegen::Target::Named(codegen::IsaName(row.isa));
  const int64_t bytes = ir::BytesOf(row.b, shape.in * shape.out);
  const int64_t layers =
      tokens > 1 ? kPromptLayers : std::max(int64_t{2}, (kColdBytes + bytes - 1) / bytes);
  const auto program =
      Program::Create(absl::StrReplaceAll(kMatmulText, {{"LAYERS", absl::StrCat(layers)},
                                                        {"OUT", absl::StrCat(shape.out)},
                                                        {"IN", absl::StrCat(shape.in)},
                                                        {"A_TYPE", ir::DTypeName(row.a)},
                                                        {"B_TYPE", ir::DTypeName(row.b)}}),
                      *target);
  if (!program.ok()) return state.SkipWithError(program.status().ToString().c_str());
  (*program)->Run(state, {tokens}, {ir::BytesOf(row.a, tokens * shape.in), tokens * shape.out * 4},
                  {});
  state.counters["FLOP/s"] =
      PerSecond(2.0 * static_cast<double>(layers * tokens * shape.in * shape.out));
  state.counters["B/s"] = PerSecond(static_cast<double>(layers * bytes));
}

// `tokens` tokens behind `depth` others.
void Attention(benchmark::State& state, const codegen::TileRow& row, int64_t tokens,
               int64_t depth) {
  const auto target = codegen::Target::Named(codegen::IsaName(row.isa));
  const int64_t size = ir::BytesOf(row.a, 1);
  const int64_t capacity = base::RoundUp(depth + tokens, 64);
  const int64_t cache_bytes = 2 * capacity * 8 * 128 * size;
  const int64_t layers = tokens > 1
                             ? kPromptLayers
                             : std::max(int64_t{2}, (kColdBytes + cache_bytes - 1) / cache_bytes);
  const auto program =
      Program::Create(absl::StrReplaceAll(kAttentionText, {{"LAYERS", absl::StrCat(layers)},
                                                           {"CAPACITY", absl::StrCat(capacity)},
                                                           {"A_TYPE", ir::DTypeName(row.a)}}),
                      *target);
  if (!program.ok()) return state.SkipWithError(program.status().ToString().c_str());
  std::vector<int32_t> positions, slots(static_cast<size_t>(tokens), 0);
  double seen = 0;
  for (int64_t i = 0; i < tokens; ++i) {
    positions.push_back(static_cast<int32_t>(depth + i));
    seen += static_cast<double>(depth + i + 1);
  }
  (*program)->Run(state, {tokens, 1, capacity}, {tokens * 16 * 128 * 4, tokens * 8 * 128 * size},
                  {positions, slots});
  state.counters["FLOP/s"] = PerSecond(4.0 * 16 * 128 * seen * static_cast<double>(layers));
  state.counters["B/s"] =
      PerSecond(2.0 * 8 * 128 * static_cast<double>((depth + tokens) * size * layers));
}

template <typename Body>
void Register(const codegen::TileRow& row, const std::string& what, const Body& body) {
  const std::string name =
      absl::StrCat(codegen::IsaName(row.isa), "/", ir::DTypeName(row.a), "x", ir::DTypeName(row.b),
                   "/", row.rows, "x", row.panels, "/", what);
  benchmark::RegisterBenchmark(name.c_str(), body)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

void RegisterRow(const codegen::TileRow& row) {
  for (const Shape& shape : kShapes) {
    for (const int64_t tokens : {kPromptTokens, int64_t{1}}) {
      if (tokens > 1 && !shape.in_prompts) continue;
      Register(
          row, absl::StrCat(shape.name, tokens > 1 ? "/prefill" : "/decode"),
          [row, shape, tokens](benchmark::State& state) { Matmul(state, row, shape, tokens); });
    }
  }
  // The cache has the dtype of the activations, whatever the weights have.
  if (row.a != row.b) return;
  Register(row, "attention/prefill",
           [row](benchmark::State& state) { Attention(state, row, kPromptTokens, 0); });
  Register(row, "attention/deep_prefill",
           [row](benchmark::State& state) { Attention(state, row, kPromptTokens, kDepth); });
  Register(row, "attention/decode",
           [row](benchmark::State& state) { Attention(state, row, 1, kDepth); });
}

// Rows that a later one of the same instruction set replaces are never used.
void RegisterAll() {
  for (const codegen::TileRow& row : codegen::AllTiles()) {
    const auto target = codegen::Target::Named(codegen::IsaName(row.isa));
    if (!ir::IsFloat(row.b)) continue;  // attention's; no matmul widens integers
    if (target.ok() && target->FindMatmulTile(row.a, row.b) == &row) RegisterRow(row);
  }
}

}  // namespace
}  // namespace lluda::benchmarks

int main(int argc, char** argv) {
  lluda::benchmarks::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
