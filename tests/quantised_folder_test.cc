// Hugging Face's quantised folders give the logits of the same numbers in f32; and what is wrong
// with one is told in a line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files/file_cache.h"
#include "base/files/test_files.h"
#include "base/random.h"
#include "engine/model.h"
#include "engine/session.h"
#include "engine/source/model_files.h"
#include "engine/tiny_checkpoint.h"
#include "tests/support/quantised_writer.h"
#include "tools/inspect/file_report.h"

namespace lluda::tests {
namespace {

using engine::Precision;
using engine::Stored;
using engine::Tensors;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kModule[] = "model.layers.1.mlp.up_proj";

void Write(const base::TemporaryFolder& folder, const std::string& config, const Tensors& tensors) {
  folder.Write("config.json", config);
  folder.Write("model.safetensors", engine::CheckpointBytes(tensors, /*shift=*/1));
}

// Most of these models have the same kernels.
const base::CodeCache* Cache() {
  static const auto* folder = new base::TemporaryFolder();
  static const auto* cache = []() -> const base::CodeCache* {
    auto opened = base::CodeCache::Open(folder->path(), base::kDefaultCacheBytes);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? new base::CodeCache(*std::move(opened)) : nullptr;
  }();
  return cache;
}

struct Outcome {
  std::vector<float> logits;
  std::vector<std::string> notes;
};

Outcome RunFolder(const std::string& path, Precision precision, int threads) {
  engine::LoadOptions options;
  options.folder = path;
  options.threads = threads;
  options.code_cache = Cache();
  options.need_tokenizer = false;
  options.module.context = 64;
  options.module.precision = precision;
  const auto model = engine::Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return {};
  auto session = engine::Session::Create(model->get(), {});
  EXPECT_TRUE(session.ok()) << session.status();
  const std::vector<int32_t> tokens = {1, 77, 401, 5, 130};
  const auto logits = (*session)->Evaluate(tokens);
  EXPECT_TRUE(logits.ok()) << logits.status();
  return {{logits->begin(), logits->end()}, (*model)->notes()};
}

double Nmse(const std::vector<float>& a, const std::vector<float>& reference) {
  EXPECT_EQ(a.size(), reference.size());
  double error = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += std::pow(static_cast<double>(a[i]) - reference[i], 2);
    norm += std::pow(static_cast<double>(reference[i]), 2);
  }
  return error / norm;
}

// What the checkpoint gives the importer for a matrix.
std::string DTypeOf(const std::string& path, const std::string& module = kModule) {
  const auto files = engine::OpenModelFiles(path, engine::Weights::kRequired);
  EXPECT_TRUE(files.ok()) << files.status();
  if (!files.ok()) return "";
  const auto* tensor = files->checkpoint->Find(module + ".weight");
  return tensor == nullptr ? "" : tensor->dtype_name;
}

struct Case {
  const char* name;
  QuantisedAs as;
  const char* dtype;  // that the matrices get
};

class QuantisedFolderTest : public testing::TestWithParam<Case> {};

TEST_P(QuantisedFolderTest, GivesTheLogitsOfTheDequantisedOne) {
  const base::TemporaryFolder quantised, plain;
  const QuantisedFolder folder = Quantise(engine::TinyTensors(), GetParam().as);
  Write(quantised, folder.config, folder.stored);
  Write(plain, engine::TinyConfig(), folder.dequantised);
  EXPECT_EQ(DTypeOf(quantised.path()), GetParam().dtype);
  const Outcome expected = RunFolder(plain.path(), Precision::kF32, 1);
  const Outcome found = RunFolder(quantised.path(), Precision::kF32, 2);
  EXPECT_LE(Nmse(found.logits, expected.logits), 1e-12);
  // Blocks are decoded to the numbers that f32 holds, and added up in the same order.
  EXPECT_EQ(found.logits, expected.logits);
  if (std::string(GetParam().dtype) == "F32") {
    ASSERT_EQ(found.notes.size(), 1u);
    EXPECT_THAT(found.notes[0], HasSubstr("14 matrices have numbers that no blocks of 32 hold"));
  } else {
    EXPECT_THAT(found.notes, IsEmpty());
  }
  // Quantising does something, and not too much.
  const Outcome tiny = RunFolder("reference_data/tiny", Precision::kF32, 1);
  const double error = Nmse(found.logits, tiny.logits);
  EXPECT_GT(error, 1e-8);
  EXPECT_LT(error, GetParam().as.bits == 8 ? 0.02 : 0.2);
  const Outcome rounded = RunFolder(quantised.path(), Precision::kBF16, 2);
  EXPECT_LT(Nmse(rounded.logits, expected.logits), 1e-3);
}

// Fields: method, bits, group, block, symmetric, scales, has_order, is_shuffled.
const Case kCases[] = {
    {"gptq4", {"gptq", 4, 32}, "Q4_0"},
    {"gptq4_by_row", {"gptq", 4, -1}, "Q4_0"},
    {"gptq4_last_group_shorter", {"gptq", 4, 128}, "Q4_0"},
    {"gptq4_asymmetric", {"gptq", 4, 32, 0, false}, "Q5_0"},
    {"gptq4_bf16_scales", {"gptq", 4, 32, 0, true, "BF16"}, "Q4_0"},
    {"gptq4_f32_scales", {"gptq", 4, 32, 0, true, "F32"}, "Q8_F32"},
    {"gptq4_sorted_order", {"gptq", 4, 32, 0, true, "F16", true, false}, "Q4_0"},
    {"gptq4_shuffled_order", {"gptq", 4, 32, 0, true, "F16", true, true}, "F32"},
    {"gptq4_narrow_groups", {"gptq", 4, 16}, "F32"},
    {"gptq4_v2", {"gptq_v2", 4, 32, 0, false}, "Q5_0"},
    {"gptq8", {"gptq", 8, 32}, "Q8_0"},
    {"gptq8_asymmetric", {"gptq", 8, 32, 0, false}, "F32"},
    {"awq", {"awq", 4, 32, 0, false}, "Q5_0"},
    {"fp8", {"fp8", 8, 128, 128, true, "BF16"}, "F8_F32"},
    {"fp8_f32_scales", {"fp8", 8, 32, 64, true, "F32"}, "F8_F32"},
    {"packed4", {"pack-quantized", 4, 32, 0, true, "BF16"}, "Q4_0"},
    {"packed4_asymmetric", {"pack-quantized", 4, 32, 0, false, "BF16"}, "Q5_0"},
    {"packed4_by_row", {"pack-quantized", 4, -1, 0, true, "F32"}, "Q8_F32"},
    {"packed4_order", {"pack-quantized", 4, 32, 0, true, "F16", true, true}, "F32"},
    {"packed8", {"pack-quantized", 8, 32, 0, true, "BF16"}, "Q8_0"},
    {"int8_by_row", {"int-quantized", 8, -1, 0, true, "BF16"}, "Q8_0"},
    {"int8_f32_scales", {"int-quantized", 8, -1, 0, true, "F32"}, "Q8_F32"},
    {"int8_one_scale", {"int-quantized", 8, -1, -1, true, "F32"}, "Q8_F32"},
    {"int8_asymmetric", {"int-quantized", 8, -1, 0, false, "BF16"}, "F32"},
    {"float8_by_row", {"float-quantized", 8, -1, 0, true, "BF16"}, "F8_F32"},
    {"float8_one_scale", {"float-quantized", 8, -1, -1, true, "F32"}, "F8_F32"},
    {"float8_blocks", {"float-quantized", 8, 32, 64, true, "BF16"}, "F8_F32"},
};
INSTANTIATE_TEST_SUITE_P(Kinds, QuantisedFolderTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// A folder that is damaged in one way.
class DamagedFolderTest : public testing::Test {
 protected:
  void Make(const QuantisedAs& as) { made_ = Quantise(engine::TinyTensors(), as); }
  Stored& Part(const std::string& part) { return made_.stored[absl::StrCat(kModule, ".", part)]; }
  void Remove(const std::string& part) { made_.stored.erase(absl::StrCat(kModule, ".", part)); }
  // Writes a number over the one at this index.
  template <typename T>
  void Put(const std::string& part, int64_t index, T value) {
    std::memcpy(Part(part).data.data() + index * sizeof(T), &value, sizeof(T));
  }
  // What opening or loading it says, behind the folder's name.
  std::string Error() {
    Write(folder_, made_.config, made_.stored);
    engine::LoadOptions options;
    options.folder = folder_.path();
    options.need_tokenizer = false;
    options.module.context = 64;
    const absl::Status status = engine::Model::Load(options).status();
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(absl::StrContains(status.message(), '\n')) << status;
    const std::string text(status.message());
    const size_t begin = text.rfind(folder_.path(), 0) == 0 ? folder_.path().size() + 2 : 0;
    return text.substr(begin);
  }

  base::TemporaryFolder folder_;
  QuantisedFolder made_;
};

TEST_F(DamagedFolderTest, MissingTensorsAreNamed) {
  for (const char* part : {"scales", "qzeros"}) {
    Make({"gptq", 4, 32});
    Remove(part);
    EXPECT_EQ(Error(), absl::StrCat("tensor 'model.layers.1.mlp.up_proj.", part,
                                    "' is missing, 'model.layers.1.mlp.up_proj.qweight' needs it"));
  }
  Make({"gptq", 4, 32, 0, true, "F16", true, true});
  Remove("g_idx");
  EXPECT_THAT(Error(), HasSubstr("up_proj.g_idx' is missing"));
  Make({"pack-quantized", 4, 32, 0, false});
  Remove("weight_zero_point");
  EXPECT_THAT(Error(), HasSubstr("up_proj.weight_zero_point' is missing"));
  Make({"fp8", 8, 128, 128});
  Remove("weight_scale_inv");
  EXPECT_THAT(Error(), HasSubstr("up_proj.weight_scale_inv' is missing"));
}

TEST_F(DamagedFolderTest, OtherShapesAndDTypesAreNamed) {
  Make({"gptq", 4, 32});
  Part("scales").shape = {1, 320};
  EXPECT_EQ(
      Error(),
      "tensor 'model.layers.1.mlp.up_proj.scales' has shape [1, 320], gptq asks for [2, 160]");
  Make({"gptq", 4, 32});
  Part("qzeros").dtype = "F32";
  EXPECT_EQ(Error(), "tensor 'model.layers.1.mlp.up_proj.qzeros' is F32, gptq has I32");
  Make({"awq", 4, 32, 0, false});
  Part("scales").dtype = "I16";
  EXPECT_EQ(Error(), "tensor 'model.layers.1.mlp.up_proj.scales' is I16, awq has F16, BF16, F32");
  Make({"pack-quantized", 4, 32});
  Put<int64_t>("weight_shape", 1, 72);
  EXPECT_EQ(Error(),
            "tensor 'model.layers.1.mlp.up_proj.weight_shape' says 160 x 72, "
            "'weight_packed' is 160 x 8 words of 8");
  // A matrix of another size than the config asks for is the importer's to refuse.
  Make({"int-quantized", 8, -1, 0, true, "F32"});
  Part("weight").shape = {80, 128};
  Part("weight_scale").shape = {80, 1};
  Part("weight_scale").data.resize(320);
  EXPECT_THAT(Error(), HasSubstr("up_proj.weight' has shape [80, 128], config.json asks for "));
}

TEST_F(DamagedFolderTest, ScalesThatAreNotFiniteAreNamed) {
  Make({"gptq", 4, 32});
  Put<uint16_t>("scales", 7, 0x7C00);
  EXPECT_EQ(Error(),
            "tensor 'model.layers.1.mlp.up_proj.scales' has a scale that is not finite, "
            "number 7");
  Make({"fp8", 8, 128, 128, true, "F32"});
  Put("weight_scale_inv", 1, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(Error(), HasSubstr("weight_scale_inv' has a scale that is not finite, number 1"));
}

TEST_F(DamagedFolderTest, ZeroPointsOutOfRangeAreNamed) {
  Make({"gptq", 4, 32, 0, false});
  Put<uint32_t>("qzeros", 0, 0xF1234567);
  EXPECT_EQ(Error(),
            "tensor 'model.layers.1.mlp.up_proj.qzeros' has a zero point of 16, 4 bits "
            "have 0 to 15");
  // Some files say gptq and hold what gptq_v2 does.
  Make({"gptq_v2", 4, 32});
  made_.config = Quantise(engine::TinyTensors(), {"gptq", 4, 32}).config;
  EXPECT_THAT(Error(), HasSubstr("qzeros' has a zero point of 9, config.json says that all are in "
                                 "the middle, 8"));
}

TEST_F(DamagedFolderTest, GroupsOutOfRangeAreNamed) {
  for (const int32_t group : {2, -1}) {
    Make({"gptq", 4, 32});
    Put<int32_t>("g_idx", 5, group);
    EXPECT_EQ(Error(), absl::StrCat("tensor 'model.layers.1.mlp.up_proj.g_idx' puts input 5 into ",
                                    "group ", group, ", there are 2"));
  }
}

TEST_F(DamagedFolderTest, FloatsThatAreNoNumbersAreNamed) {
  Make({"fp8", 8, 128, 128});
  Put<uint8_t>("weight", 64 * 3 + 9, 0xFF);
  EXPECT_EQ(Error(),
            "tensor 'model.layers.1.mlp.up_proj.weight': the weight of output 3 and input "
            "9 is no number");
}

TEST_F(DamagedFolderTest, ConfigAndTensorsMayNotContradictEachOther) {
  Make({"fp8", 8, 128, 128});
  made_.stored = engine::TinyTensors();
  EXPECT_EQ(Error(), "config.json says that matrices are quantised as fp8, and none is");
  Make({"gptq", 4, 32});
  Part("weight") = engine::TinyTensors().at(absl::StrCat(kModule, ".weight"));
  EXPECT_EQ(Error(),
            "tensor 'model.layers.1.mlp.up_proj.weight' stands beside the quantised "
            "'model.layers.1.mlp.up_proj.qweight'");
  Make({"fp8", 8, 128, 128});
  made_.config =
      ConfigWith(R"({"quant_method": "fp8", "modules_to_not_convert": ["mlp.up_proj"]})");
  EXPECT_EQ(Error(),
            "tensor 'model.layers.0.mlp.up_proj.weight' is quantised, config.json says "
            "that its module is not");
}

TEST_F(DamagedFolderTest, ModulesThatAreNotQuantisedAreReadAsTheyAre) {
  Make({"fp8", 8, 128, 128});
  const Tensors tiny = engine::TinyTensors();
  for (const char* layer : {"0", "1"}) {
    const std::string name = absl::StrCat("model.layers.", layer, ".mlp.up_proj.weight");
    made_.stored[name] = made_.dequantised[name] = tiny.at(name);
    made_.stored.erase(name + "_scale_inv");
  }
  made_.config = ConfigWith(
      R"({"quant_method": "fp8", "modules_to_not_convert": ["lm_head", "mlp.up_proj"]})");
  Write(folder_, made_.config, made_.stored);
  EXPECT_EQ(DTypeOf(folder_.path()), "BF16");
  const base::TemporaryFolder plain;
  Write(plain, engine::TinyConfig(), made_.dequantised);
  EXPECT_EQ(RunFolder(folder_.path(), Precision::kF32, 1).logits,
            RunFolder(plain.path(), Precision::kF32, 1).logits);
}

TEST_F(DamagedFolderTest, InspectTellsWhatAFolderHolds) {
  Make({"awq", 4, 32, 0, false});
  Write(folder_, made_.config, made_.stored);
  const auto report = tools::InspectFiles(folder_.path());
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->keys.size(), 1u);
  EXPECT_EQ(report->keys[0].type, "awq");
  EXPECT_EQ(report->keys[0].value, "14 matrices as Q5_0");
  EXPECT_THAT(report->odd, IsEmpty());
  made_.config = ConfigWith(R"({"quant_method": "hqq"})");
  Write(folder_, made_.config, made_.stored);
  const auto refused = tools::InspectFiles(folder_.path());
  ASSERT_TRUE(refused.ok() && refused->odd.size() == 1) << refused.status();
  EXPECT_THAT(refused->odd[0], HasSubstr("quant_method' asks for 'hqq', which is not supported"));
}

// Whatever tensors and config hold: an error of one line, or matrices that can be read.
TEST_F(DamagedFolderTest, NoDamageDoesMoreThanAnError) {
  int refused = 0, read = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    base::SplitMix64 random(seed);
    const auto below = [&](size_t n) { return random.Next() % n; };
    Make(kCases[below(std::size(kCases))].as);
    for (uint64_t damage = 0; damage <= below(3); ++damage) {
      auto tensor = made_.stored.begin();
      std::advance(tensor, below(made_.stored.size()));
      Stored& stored = tensor->second;
      switch (below(6)) {
        case 0:
          made_.stored.erase(tensor);
          break;
        case 1:
          std::reverse(stored.shape.begin(), stored.shape.end());
          break;
        case 2:
          stored.shape = {1, 1, stored.shape.empty() ? 1 : stored.shape[0]};
          stored.data.resize(stored.data.size() / 2);
          break;
        case 3:
          for (char& byte : stored.data) byte = static_cast<char>(random.Next() >> 56);
          break;
        case 4:
          made_.config[below(made_.config.size())] = "0123456789-[]{}\",:x"[below(20)];
          break;
        default:
          stored.dtype = stored.dtype == "I32" ? "F32" : "I32";
      }
    }
    Write(folder_, made_.config, made_.stored);
    const auto files = engine::OpenModelFiles(folder_.path(), engine::Weights::kRequired);
    absl::Status status = files.status();
    if (files.ok()) {
      for (const std::string& name : files->checkpoint->Names()) {
        if (files->checkpoint->DerivedOf(*files->checkpoint->Find(name)) == nullptr) continue;
        status.Update(files->checkpoint->Read(name).status());
      }
    }
    (status.ok() ? read : refused) += 1;
    EXPECT_FALSE(absl::StrContains(status.message(), '\n')) << status;
  }
  EXPECT_GT(refused, 50);
  EXPECT_GT(read, 10);
}

// A layer whose zero points need another dtype gives it to all layers: they stay in blocks.
TEST_F(DamagedFolderTest, AllLayersOfAMatrixGetOneDType) {
  Make({"gptq_v2", 4, 32, 0, false});
  Tensors middle = Quantise(engine::TinyTensors(), {"gptq_v2", 4, 32}).stored;
  for (auto& [name, tensor] : middle) {
    if (absl::StrContains(name, "layers.0.mlp.up_proj")) made_.stored[name] = tensor;
  }
  Write(folder_, made_.config, made_.stored);
  EXPECT_EQ(DTypeOf(folder_.path(), "model.layers.0.mlp.up_proj"), "Q5_0");
  EXPECT_EQ(DTypeOf(folder_.path(), "model.layers.1.mlp.up_proj"), "Q5_0");
}

// One whose inputs are shuffled is dequantised alone.
TEST_F(DamagedFolderTest, ALayerThatNoBlocksHoldLeavesTheOthersInTheirs) {
  Make({"gptq", 4, 32, 0, true, "F16", true, false});
  const QuantisedFolder shuffled =
      Quantise(engine::TinyTensors(), {"gptq", 4, 32, 0, true, "F16", true, true});
  const auto replace = [](const auto& from, auto* to) {
    for (const auto& [name, tensor] : from) {
      if (absl::StrContains(name, "layers.0.mlp.up_proj")) (*to)[name] = tensor;
    }
  };
  replace(shuffled.stored, &made_.stored);
  replace(shuffled.dequantised, &made_.dequantised);
  Write(folder_, made_.config, made_.stored);
  EXPECT_EQ(DTypeOf(folder_.path(), "model.layers.0.mlp.up_proj"), "F32");
  EXPECT_EQ(DTypeOf(folder_.path(), "model.layers.1.mlp.up_proj"), "Q4_0");
  const base::TemporaryFolder plain;
  Write(plain, engine::TinyConfig(), made_.dequantised);
  EXPECT_EQ(RunFolder(folder_.path(), Precision::kF32, 1).logits,
            RunFolder(plain.path(), Precision::kF32, 1).logits);
}

// A head of its own in blocks, though config.json ties it, as some tools write it.
TEST_F(DamagedFolderTest, AQuantisedHeadIsUsedBesideTheEmbedding) {
  Make({"gptq", 4, 32});
  Tensors head;
  head["head_proj.weight"] = engine::TinyTensors().at("model.embed_tokens.weight");
  const QuantisedFolder quantised = Quantise(head, {"gptq", 4, 32});
  for (const char* part : {"qweight", "qzeros", "scales", "g_idx"}) {
    made_.stored[absl::StrCat("lm_head.", part)] =
        quantised.stored.at(absl::StrCat("head_proj.", part));
  }
  made_.dequantised["lm_head.weight"] = quantised.dequantised.at("head_proj.weight");
  Write(folder_, made_.config, made_.stored);
  const base::TemporaryFolder plain;
  Write(plain, engine::TinyConfig(), made_.dequantised);
  const Outcome found = RunFolder(folder_.path(), Precision::kF32, 1);
  EXPECT_EQ(found.logits, RunFolder(plain.path(), Precision::kF32, 1).logits);
  ASSERT_EQ(found.notes.size(), 1u);
  EXPECT_THAT(found.notes[0], HasSubstr("although config.json ties them"));
}

}  // namespace
}  // namespace lluda::tests
