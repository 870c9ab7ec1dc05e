// Loads checkpoints of random shapes for real, from a fixed seed: what is read of a file, packed
// and given back must lie inside the file whichever tensor lies last in it, and the logits must not
// depend on how the tensors lie.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files/test_files.h"
#include "codegen/llvm/target.h"
#include "engine/model.h"
#include "engine/session.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using base::TemporaryFolder;

constexpr int kModels = 12;

class RandomModel {
 public:
  explicit RandomModel(uint32_t seed) : random_(seed) {
    vocabulary_ = Below(300) + 1;
    hidden_ = 2 * (Below(40) + 1);
    intermediate_ = 2 * (Below(40) + 1);
    head_dim_ = 2 * (Below(12) + 1);
    kv_heads_ = Below(3) + 1;
    heads_ = kv_heads_ * (Below(3) + 1);
    layers_ = Below(2) + 1;
    tied_ = Below(2) == 0;
    dtype_ = std::vector<const char*>{"BF16", "F16", "F32"}[Below(3)];
    Add("model.embed_tokens", {vocabulary_, hidden_});
    for (int64_t layer = 0; layer < layers_; ++layer) {
      const std::string prefix = absl::StrCat("model.layers.", layer, ".");
      Add(prefix + "input_layernorm", {hidden_});
      Add(prefix + "self_attn.q_proj", {heads_ * head_dim_, hidden_});
      Add(prefix + "self_attn.k_proj", {kv_heads_ * head_dim_, hidden_});
      Add(prefix + "self_attn.v_proj", {kv_heads_ * head_dim_, hidden_});
      Add(prefix + "self_attn.o_proj", {hidden_, heads_ * head_dim_});
      Add(prefix + "self_attn.q_norm", {head_dim_});
      Add(prefix + "self_attn.k_norm", {head_dim_});
      Add(prefix + "post_attention_layernorm", {hidden_});
      Add(prefix + "mlp.gate_proj", {intermediate_, hidden_});
      Add(prefix + "mlp.up_proj", {intermediate_, hidden_});
      Add(prefix + "mlp.down_proj", {hidden_, intermediate_});
    }
    Add("model.norm", {hidden_});
    if (!tied_) Add("lm_head", {vocabulary_, hidden_});
  }

  int64_t vocabulary() const { return vocabulary_; }

  // The tensor called `last`, or another one if there is none of the name, lies last.
  void Write(const TemporaryFolder& folder, absl::string_view last) {
    std::shuffle(tensors_.begin(), tensors_.end(), random_);
    for (Tensor& tensor : tensors_) {
      if (tensor.name == last) std::swap(tensor, tensors_.back());
    }
    std::vector<std::string> entries;
    std::string data;
    for (const Tensor& tensor : tensors_) {
      entries.push_back(absl::StrCat("\"", tensor.name, "\": {\"dtype\": \"", dtype_,
                                     "\", \"shape\": [", absl::StrJoin(tensor.shape, ", "),
                                     "], \"data_offsets\": [", data.size(), ", ",
                                     data.size() + tensor.bytes.size(), "]}"));
      data += tensor.bytes;
    }
    std::string header = absl::StrCat("{", absl::StrJoin(entries, ", "), "}");
    header.resize((header.size() + 7) / 8 * 8, ' ');
    folder.Write("model.safetensors", base::SafetensorsBytes(header, data));
    folder.Write(
        "config.json",
        absl::StrCat(R"({"model_type": "qwen3", "max_position_embeddings": 64, "vocab_size": )",
                     vocabulary_, R"(, "hidden_size": )", hidden_, R"(, "intermediate_size": )",
                     intermediate_, R"(, "num_hidden_layers": )", layers_,
                     R"(, "num_attention_heads": )", heads_, R"(, "num_key_value_heads": )",
                     kv_heads_, R"(, "head_dim": )", head_dim_, R"(, "tie_word_embeddings": )",
                     tied_ ? "true" : "false", "}"));
  }

  int64_t Below(int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit - 1)(random_);
  }

  std::string Description() const {
    return absl::StrCat("vocabulary ", vocabulary_, ", hidden ", hidden_, ", intermediate ",
                        intermediate_, ", heads ", heads_, "/", kv_heads_, " of ", head_dim_, ", ",
                        layers_, " layers, ", dtype_, tied_ ? ", tied" : "");
  }

 private:
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    std::string bytes;
  };

  void Add(const std::string& name, std::vector<int64_t> shape) {
    int64_t elements = 1;
    for (const int64_t extent : shape) elements *= extent;
    std::string bytes;
    for (int64_t i = 0; i < elements; ++i) {
      // A number of magnitude 0.5 to 1 in each of the formats, from its sign and some digits.
      const auto sign = static_cast<uint32_t>(Below(2));
      const auto digits = static_cast<uint32_t>(Below(128));
      const uint32_t f32 = sign << 31 | 0x3F000000u | digits << 16;
      const auto bf16 = static_cast<uint16_t>(f32 >> 16);
      const auto f16 = static_cast<uint16_t>(sign << 15 | 0x3800u | digits << 3);
      if (std::strcmp(dtype_, "F32") == 0) {
        bytes.append(reinterpret_cast<const char*>(&f32), 4);
      } else {
        const uint16_t half = std::strcmp(dtype_, "F16") == 0 ? f16 : bf16;
        bytes.append(reinterpret_cast<const char*>(&half), 2);
      }
    }
    tensors_.push_back({name + ".weight", std::move(shape), std::move(bytes)});
  }

  std::mt19937 random_;
  int64_t vocabulary_, hidden_, intermediate_, head_dim_, kv_heads_, heads_, layers_;
  bool tied_;
  const char* dtype_;
  std::vector<Tensor> tensors_;
};

std::vector<float> Logits(const LoadOptions& options, const std::vector<int32_t>& tokens) {
  const auto model = Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return {};
  auto session = Session::Create(model->get(), {});
  EXPECT_TRUE(session.ok()) << session.status();
  if (!session.ok()) return {};
  const auto logits = (*session)->Evaluate(tokens);
  EXPECT_TRUE(logits.ok()) << logits.status();
  if (!logits.ok()) return {};
  return {logits->begin(), logits->end()};
}

TEST(FuzzLoad, LogitsDoNotDependOnWhichTensorLiesLastInItsFile) {
  std::vector<std::string> isas;
  for (const codegen::Isa isa : codegen::AllIsas()) {
    const std::string name(codegen::IsaName(isa));
    if (codegen::Target::Named(name).ok()) isas.push_back(name);
  }
  for (uint32_t seed = 0; seed < kModels; ++seed) {
    RandomModel model(20250630 + seed);
    LoadOptions options;
    options.need_tokenizer = false;
    options.threads = static_cast<int>(model.Below(2)) + 1;
    options.isa = isas[seed % isas.size()];
    options.module.precision = model.Below(2) == 0 ? Precision::kBF16 : Precision::kF32;
    options.module.kv_cache = model.Below(3) == 0 ? KvCache::kInt8 : KvCache::kPrecision;
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ", model.Description(), ", ", options.isa, ", ",
                              PrecisionName(options.module.precision)));
    std::vector<int32_t> tokens(9);
    for (int32_t& token : tokens) token = static_cast<int32_t>(model.Below(model.vocabulary()));
    std::vector<float> first;
    for (const char* last :
         {"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.mlp.gate_proj.weight"}) {
      const TemporaryFolder folder;
      model.Write(folder, last);
      options.folder = folder.path();
      const std::vector<float> logits = Logits(options, tokens);
      ASSERT_EQ(logits.size(), static_cast<size_t>(model.vocabulary())) << last;
      for (const float logit : logits) ASSERT_TRUE(std::isfinite(logit)) << last;
      if (first.empty()) first = logits;
      ASSERT_EQ(logits, first) << last;
    }
  }
}

}  // namespace
}  // namespace lluda::engine
