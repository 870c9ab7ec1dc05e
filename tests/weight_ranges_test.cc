// Kernels read no byte that a weight does not have, and of a weight no bytes are given back that it
// does not have: for shapes of which no dimension fills a tile or a panel, each instruction set
// that this CPU can run, and each kind of numbers. Every weight ends where memory ends.
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "codegen/llvm/target.h"
#include "frontends/decoder/description/description.h"
#include "frontends/decoder/import.h"
#include "frontends/decoder/weights/expected_tensors.h"
#include "gtest/gtest.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"
#include "ir/type/dtype.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/session/session.h"
#include "tests/support/compiled_model.h"
#include "tests/support/guarded_memory.h"

namespace lluda::tests {
namespace {

using frontends::KvCache;
using frontends::Precision;
using frontends::decoder::Decoder;
using frontends::decoder::ImportOptions;
// Random weights, each between pages that cannot be touched; checks what it is asked to release.
class GuardedWeights : public runtime::WeightSource {
 public:
  explicit GuardedWeights(const ir::Module& module) {
    for (const auto& global : module.globals()) {
      if (global->kind != ir::Global::Kind::kWeight) continue;
      for (int64_t i = 0; i < (global->index ? global->index->count : 1); ++i) {
        Add(ir::SourceName(*global, i), global->type);
      }
    }
  }

  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) override {
    const auto it = weights_.find(tensor);
    if (it == weights_.end()) return absl::NotFoundError(tensor);
    EXPECT_EQ(static_cast<int64_t>(it->second.size()), bytes) << tensor;
    return it->second.data();
  }

  void Release(const std::string& tensor, int64_t offset, int64_t bytes) override {
    const auto it = weights_.find(tensor);
    ASSERT_NE(it, weights_.end()) << tensor;
    EXPECT_GE(offset, 0) << tensor;
    EXPECT_GT(bytes, 0) << tensor;
    EXPECT_LE(offset + bytes, static_cast<int64_t>(it->second.size())) << tensor;
    ++releases_;
  }

  int releases() const { return releases_; }

 private:
  void Add(const std::string& name, const ir::Type& type) {
    std::mt19937 random(static_cast<uint32_t>(std::hash<std::string>()(name)));
    std::uniform_real_distribution<float> values(-0.5f, 0.5f);
    std::string bytes;
    int64_t elements = 1;
    for (const ir::Axis& axis : type.axes) elements *= axis.extent.value;
    for (int64_t i = 0; i < elements; ++i) {
      const float value = values(random);
      if (type.dtype == ir::DType::kF32) {
        bytes.append(reinterpret_cast<const char*>(&value), 4);
      } else {
        const uint16_t bits =
            type.dtype == ir::DType::kBF16 ? ir::FloatToBF16(value) : ir::FloatToF16(value);
        bytes.append(reinterpret_cast<const char*>(&bits), 2);
      }
    }
    weights_.emplace(name, GuardedMemory({bytes.data(), bytes.size()}));
  }

  std::map<std::string, GuardedMemory> weights_;
  int releases_ = 0;
};

struct Shape {
  int64_t vocabulary = 32;
  int64_t hidden = 40;
  int64_t intermediate = 52;
  int64_t heads = 4;
  int64_t kv_heads = 2;
  int64_t head_dim = 8;
  bool tied = false;
};

Decoder DecoderOf(const Shape& shape, const char* dtype) {
  Decoder decoder;
  decoder.vocab_size = shape.vocabulary;
  decoder.hidden_size = shape.hidden;
  decoder.intermediate_size = shape.intermediate;
  decoder.layers.resize(1);
  decoder.qk_norm = frontends::decoder::QkNorm::kHead;
  decoder.num_attention_heads = shape.heads;
  decoder.num_key_value_heads = shape.kv_heads;
  decoder.head_dim = shape.head_dim;
  decoder.max_position_embeddings = 64;
  decoder.tie_word_embeddings = shape.tied;
  decoder.dtype = dtype;
  return decoder;
}

struct Numbers {
  std::string name;
  const char* dtype;  // of the checkpoint
  Precision precision;
  KvCache kv_cache;
};

class WeightRangesTest : public testing::TestWithParam<std::tuple<std::string, Numbers>> {
 protected:
  // The logits after a few tokens, in a step of several and one of one.
  std::vector<float> Logits(const Shape& shape) {
    const auto& [isa, numbers] = GetParam();
    ImportOptions options;
    options.precision = numbers.precision;
    options.kv_cache = numbers.kv_cache;
    options.max_step_tokens = 16;
    options.max_logit_rows = 16;
    options.max_slots = 1;
    const Decoder decoder = DecoderOf(shape, numbers.dtype);
    options.find_tensor = frontends::decoder::TensorsOf(decoder);
    auto module = ImportDecoder(decoder, options);
    EXPECT_TRUE(module.ok()) << module.status();
    if (!module.ok()) return {};
    GuardedWeights weights(**module);
    const auto target = codegen::Target::Named(isa);
    auto compiled = CompiledModel::Compile(module->get(), *target);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    if (!compiled.ok()) return {};
    runtime::ThreadPool pool(2);
    auto executable = (*compiled)->Executable(&weights, &pool);
    EXPECT_TRUE(executable.ok()) << executable.status();
    if (!executable.ok()) return {};
    EXPECT_GT(weights.releases(), 0);
    auto session = runtime::Session::Create(executable->get(), {});
    EXPECT_TRUE(session.ok()) << session.status();
    if (!session.ok()) return {};
    std::vector<float> all;
    for (const std::vector<int32_t>& tokens :
         {std::vector<int32_t>(7, 0), {static_cast<int32_t>(shape.vocabulary - 1)}}) {
      const auto logits = (*session)->Evaluate(tokens);
      EXPECT_TRUE(logits.ok()) << logits.status();
      if (!logits.ok()) return {};
      all.assign(logits->begin(), logits->end());
    }
    for (const float logit : all) EXPECT_TRUE(std::isfinite(logit));
    return all;
  }
};

TEST_P(WeightRangesTest, VocabulariesThatFillNoPanel) {
  bool tied = false;
  for (const int64_t vocabulary : {1, 15, 17, 265}) {
    for (int repeat = 0; repeat < (vocabulary == 17 ? 2 : 1); ++repeat, tied = !tied) {
      SCOPED_TRACE(absl::StrCat(vocabulary, tied ? ", tied" : ""));
      Shape shape;
      shape.vocabulary = vocabulary;
      shape.tied = tied;
      EXPECT_EQ(Logits(shape).size(), static_cast<size_t>(vocabulary));
    }
  }
}

TEST_P(WeightRangesTest, ShapesOfWhichNothingFillsATile) {
  const Shape shapes[] = {
      {33, 6, 2, 1, 1, 2, false}, {50, 18, 30, 3, 1, 6, false}, {7, 130, 98, 6, 3, 18, true}};
  for (const Shape& shape : shapes) {
    SCOPED_TRACE(shape.hidden);
    EXPECT_EQ(Logits(shape).size(), static_cast<size_t>(shape.vocabulary));
  }
}

std::vector<Numbers> AllNumbers() {
  return {{"bf16", "bfloat16", Precision::kBF16, KvCache::kPrecision},
          {"bf16_int8", "bfloat16", Precision::kBF16, KvCache::kInt8},
          {"f16", "float16", Precision::kBF16, KvCache::kPrecision},
          {"f32", "float32", Precision::kF32, KvCache::kPrecision}};
}

INSTANTIATE_TEST_SUITE_P(All, WeightRangesTest,
                         testing::Combine(testing::ValuesIn(RunnableIsas()),
                                          testing::ValuesIn(AllNumbers())),
                         [](const auto& info) {
                           return absl::StrCat(std::get<0>(info.param), "_",
                                               std::get<1>(info.param).name);
                         });

}  // namespace
}  // namespace lluda::tests
