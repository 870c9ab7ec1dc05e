// Matrices in blocks, as the checkpoint has them or quantised in the load block.
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontends/decoder/import.h"
#include "frontends/decoder/import_text.h"
#include "frontends/decoder/test_model.h"
#include "frontends/decoder/weights/expected_tensors.h"
#include "frontends/decoder/weights/weight_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::frontends::decoder {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A decoder whose matrices have rows of whole blocks of 32, and its tensors: a matrix has the dtype
// that `dtype_of` gives its name.
Decoder BlockDecoder() {
  Decoder decoder = ToyDecoder();
  decoder.hidden_size = 32;
  decoder.intermediate_size = 64;
  decoder.head_dim = 16;
  decoder.dtype = "bfloat16";
  return decoder;
}
ImportOptions BlockOptions(const Decoder& decoder,
                           std::function<ir::DType(absl::string_view name)> dtype_of) {
  ImportOptions options = ToyOptions({});
  options.find_tensor = [lookup = TensorsOf(decoder), dtype_of](absl::string_view name) {
    std::optional<TensorInfo> info = lookup(name);
    if (info && info->shape.size() > 1) {
      info->dtype = dtype_of(name);
      info->dtype_name = std::string(ir::DTypeName(*info->dtype));
    }
    return info;
  };
  return options;
}

TEST(ImportBlocks, ReadsMatricesInBlocksThroughADequantize) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view name) {
    return name == "model.embed_tokens.weight" ? ir::DType::kQ8_0 : ir::DType::kQ4_0;
  };
  const std::string text = Import(decoder, BlockOptions(decoder, dtype_of));
  EXPECT_THAT(text, HasSubstr("weight @wq[layer < 2] : q4_0 q[64] hid[32] from "));
  EXPECT_THAT(text, HasSubstr("%wq_f32 = dequantize @wq[layer] : f32 q[64] hid[32]\n"
                              "    %q0 = matmul %h %wq_f32 over hid : f32"));
  EXPECT_THAT(text, HasSubstr("%embed_f32 = dequantize @embed : f32 vocab[32] hid[32]\n"
                              "    %x0 = gather %embed_f32 over vocab at %tokens : f32"));
  EXPECT_THAT(text, HasSubstr("%wt = permute %embed_f32 to hid vocab : f32"));
  EXPECT_THAT(text, Not(HasSubstr("w_bf16")));
}

// As files that end in _K_M: values and `down` of layers 0 and 3 of four are larger.
ir::DType MixedDType(absl::string_view name) {
  const bool larger = absl::StrContains(name, "layers.0.") || absl::StrContains(name, "layers.3.");
  const bool varies = absl::StrContains(name, "v_proj") || absl::StrContains(name, "down_proj");
  return larger && varies ? ir::DType::kQ8_0 : ir::DType::kQ4_0;
}

TEST(ImportBlocks, LayersThatDifferInBlocksHaveFunctionsOfTheirOwn) {
  Decoder decoder = BlockDecoder();
  decoder.layers.resize(4);
  const std::string text = Import(decoder, BlockOptions(decoder, MixedDType));
  for (const char* part :
       {"weight @wq[attn < 2] : q4_0 q[64] hid[32] from \"model.layers.{attn: 0 3}.self_attn",
        "weight @wq_2[attn_2 < 2] : q4_0 q[64] hid[32] from \"model.layers.{attn_2: 1 2}.",
        "weight @wv[attn < 2] : q8_0 vd[32] hid[32]",
        "weight @wv_2[attn_2 < 2] : q4_0 vd[32] hid[32]",
        "weight @wd[dense < 2] : q8_0 hid[32] ff[64] from \"model.layers.{dense: 0 3}.mlp",
        "weight @wd_2[dense_2 < 2] : q4_0 hid[32] ff[64]", "state @v_cache_2[attn_2 < 2] : bf16",
        "%wv_2_f32 = dequantize @wv_2[attn_2] : f32",
        R"(
    %xa = call @attn[0] %x0 %cos %sin %pos %slot : f32 tok[T] hid[32]
    %xm = call @mlp[0] %xa : f32 tok[T] hid[32]
    %xa_1 = call @attn_2[0] %xm %cos %sin %pos %slot : f32 tok[T] hid[32]
    %xm_1 = call @mlp_2[0] %xa_1 : f32 tok[T] hid[32]
    %xa_2 = call @attn_2[1] %xm_1 %cos %sin %pos %slot : f32 tok[T] hid[32]
    %xm_2 = call @mlp_2[1] %xa_2 : f32 tok[T] hid[32]
    %xa_3 = call @attn[1] %xm_2 %cos %sin %pos %slot : f32 tok[T] hid[32]
    %xm_3 = call @mlp[1] %xa_3 : f32 tok[T] hid[32]
)"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("load {")));
}

TEST(ImportBlocks, LayersOfOneMakeButForTheirMlpShareTheirAttention) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view name) {
    if (absl::StartsWith(name, "model.layers.1.mlp.down_proj")) return ir::DType::kQ5_1;
    return absl::StrContains(name, "down_proj") ? ir::DType::kF16 : ir::DType::kBF16;
  };
  ImportOptions options = BlockOptions(decoder, dtype_of);
  const std::string text = Import(decoder, options);
  EXPECT_THAT(text, HasSubstr("func @attn[layer < 2]("));
  EXPECT_THAT(text, HasSubstr("%wd_bf16 = cast @wd[dense] {out = bf16}"));
  EXPECT_THAT(text, HasSubstr("%wd_2_f32 = dequantize @wd_2[dense_2] : f32"));
  EXPECT_THAT(text, HasSubstr("%xa_1 = call @attn[1] "));
  EXPECT_THAT(text, HasSubstr("%xm_1 = call @mlp_2[0] "));
  // What is in blocks stays as it is where the rest goes into blocks.
  options.weights = ir::DType::kQ8_0;
  const std::string quantised = Import(decoder, options);
  EXPECT_THAT(quantised, HasSubstr("@wd_q8_0[dense] = quantize_blocks @wd[dense]"));
  EXPECT_THAT(quantised, HasSubstr("%wd_2_f32 = dequantize @wd_2[dense_2] : f32"));
}

TEST(ImportBlocks, ExpertsInOtherBlocksAreAKindBesideDenseLayers) {
  Decoder decoder = BlockDecoder();
  decoder.layers.resize(4);
  Experts experts;
  experts.count = 4;
  experts.top = 2;
  experts.intermediate_size = 32;
  experts.one_tensor = true;
  decoder.experts = experts;
  for (const size_t layer : {1, 2, 3}) decoder.layers[layer].experts = true;
  const std::string text = Import(decoder, BlockOptions(decoder, MixedDType));
  for (const char* part :
       {"weight @wd[dense < 1] : q8_0", "weight @ed[sparse < 2] : q4_0 expert[4] hid[32] xf[32] ",
        "\"model.layers.{sparse_2: 3}.mlp.experts.down_proj.weight\"",
        "weight @ed_2[sparse_2 < 1] : q8_0", "call @moe[1] ", "call @moe_2[0] ", "call @mlp[0] "}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ImportBlocks, WindowsAndBlocksMakeKindsTogether) {
  Decoder decoder = BlockDecoder();
  decoder.layers.resize(4);
  decoder.attentions.push_back({"attn_window", 0, 7});
  decoder.layers[1].attention = decoder.layers[3].attention = 1;
  const std::string text = Import(decoder, BlockOptions(decoder, MixedDType));
  for (const char* part :
       {"state @k_cache[attn < 2]", "state @k_cache_window[attn < 2]",
        "state @k_cache_2[attn_2 < 2]", "state @k_cache_window_2[attn_2 < 2]", "call @attn[0] ",
        "call @attn_window_2[0] ", "call @attn_2[1] ", "call @attn_window[1] "}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ImportBlocks, RowsInPairsArePutInOrderAsBlocks) {
  Decoder decoder = BlockDecoder();
  decoder.paired_rows = true;
  const auto dtype_of = [](absl::string_view) { return ir::DType::kQ4_0; };
  EXPECT_THAT(Import(decoder, BlockOptions(decoder, dtype_of)), HasSubstr(R"(
      %wq_q4_0_paired = split @wq_q4_0[layer] q -> head[4] pair[8] half[2] : q4_0 head[4] pair[8] half[2] hid[32]
      %wq_q4_0_halves = permute %wq_q4_0_paired to head half pair hid : q4_0 head[4] half[2] pair[8] hid[32]
      @wq[layer] = merge %wq_q4_0_halves head half pair -> q[64] : q4_0 q[64] hid[32]
)"));
}

TEST(ImportBlocks, WeightsThatSeveralLoopsOfTheLoadBlockReadHaveANameInEach) {
  Decoder decoder = BlockDecoder();
  decoder.paired_rows = true;
  decoder.layers.resize(3);
  const auto dtype_of = [](absl::string_view name) {
    const bool other =
        absl::StartsWith(name, "model.layers.1.") && absl::StrContains(name, "v_proj");
    return other ? ir::DType::kF16 : ir::DType::kBF16;
  };
  const std::string text = Import(decoder, BlockOptions(decoder, dtype_of));
  for (const char* definition :
       {"%wq_bf16_0_paired = split @wq_bf16[layer]", "%wq_bf16_1_paired = split @wq_bf16[layer]",
        "@wv[layer] = cast @wv_f16[layer]", "@wv[layer] = cast @wv_bf16[layer]"}) {
    EXPECT_THAT(text, HasSubstr(definition));
  }
}

TEST(ImportBlocks, WhereLayersAreRecordedThatDifferEachHasItsFunctions) {
  Decoder decoder = BlockDecoder();
  decoder.layers.resize(4);
  ImportOptions options = BlockOptions(decoder, MixedDType);
  options.record_activations = true;
  const std::string text = Import(decoder, options);
  EXPECT_THAT(text, HasSubstr("state @act_q_proj[layer < 4] : "));
  EXPECT_THAT(text, HasSubstr("append @act_q_proj[2] %q0 over slot pos"));
  EXPECT_THAT(text, HasSubstr("append @act_mlp[3] %y0 over slot pos"));
  EXPECT_THAT(text, HasSubstr("%xa_2 = call @attn_3[0] "));
}

TEST(ImportBlocks, QuantisesMatricesOfFloatsInTheLoadBlock) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view name) {
    return absl::StrContains(name, "q_proj") ? ir::DType::kQ8_0 : ir::DType::kBF16;
  };
  ImportOptions options = BlockOptions(decoder, dtype_of);
  options.weights = ir::DType::kQ4_0;
  const std::string text = Import(decoder, options);
  EXPECT_THAT(text,
              HasSubstr("@wk_q4_0[layer] = quantize_blocks @wk[layer] {out = q4_0} : q4_0 kd[32]"));
  EXPECT_THAT(text, HasSubstr("%wk_q4_0_f32 = dequantize @wk_q4_0[layer] : f32"));
  EXPECT_THAT(text, HasSubstr("@embed_q4_0 = quantize_blocks @embed {out = q4_0} : q4_0 vocab"));
  EXPECT_THAT(text, HasSubstr("gather %embed_q4_0_f32 over vocab"));
  // What is in blocks stays as it is, and so do vectors.
  EXPECT_THAT(text, HasSubstr("dequantize @wq[layer]"));
  EXPECT_THAT(text, HasSubstr("rmsnorm %x @attn_norm[layer] over hid"));
}

TEST(ImportBlocks, TensorsMayHaveDTypesOfTheirOwn) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view) { return ir::DType::kBF16; };
  ImportOptions options = BlockOptions(decoder, dtype_of);
  options.tensor_weights = {{"model.layers.0.self_attn.v_proj.weight", ir::DType::kQ4_0},
                            {"model.layers.1.self_attn.v_proj.weight", ir::DType::kQ8_0},
                            {"model.embed_tokens.weight", std::nullopt}};
  const std::string text = Import(decoder, options);
  EXPECT_THAT(text, HasSubstr("= quantize_blocks @wv[attn] {out = q4_0} : q4_0"));
  EXPECT_THAT(text, HasSubstr("= quantize_blocks @wv_2[attn_2] {out = q8_0} : q8_0"));
  // No other matrix is quantised, and layers whose MLPs are alike share one.
  EXPECT_THAT(text, Not(HasSubstr("quantize_blocks @wq")));
  EXPECT_THAT(text, Not(HasSubstr("func @mlp_2")));
  options.weights = ir::DType::kQ5_0;
  const std::string all = Import(decoder, options);
  EXPECT_THAT(all, HasSubstr("= quantize_blocks @wv_2[attn_2] {out = q8_0} : q8_0"));
  EXPECT_THAT(all, HasSubstr("= quantize_blocks @wq[attn] {out = q5_0} : q5_0"));
  EXPECT_THAT(all, Not(HasSubstr("quantize_blocks @embed")));
}

TEST(ImportBlocks, RowsOfNoWholeBlocksOf256GetBlocksOf32OfAsManyBits) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view) { return ir::DType::kBF16; };
  ImportOptions options = BlockOptions(decoder, dtype_of);
  const std::pair<ir::DType, ir::DType> kOthers[] = {
      {ir::DType::kQ2K, ir::DType::kIQ4NL}, {ir::DType::kQ3K, ir::DType::kIQ4NL},
      {ir::DType::kQ4K, ir::DType::kQ5_0},  {ir::DType::kQ5K, ir::DType::kQ5_1},
      {ir::DType::kQ6K, ir::DType::kQ8_0},  {ir::DType::kIQ4XS, ir::DType::kIQ4NL}};
  for (const auto& [type, other] : kOthers) {
    options.weights = type;
    EXPECT_THAT(
        Import(decoder, options),
        HasSubstr(absl::StrCat("quantize_blocks @embed {out = ", ir::DTypeName(other), "}")));
    const auto counts = CountMatrices(decoder, options);
    ASSERT_TRUE(counts.ok()) << counts.status();
    EXPECT_EQ(counts->to_quantise, 1 + 2 * 7);
    EXPECT_EQ(counts->plain, 0);
    EXPECT_EQ(counts->other.at(other), 1 + 2 * 7);
  }
  options.weights = ir::DType::kQ4_0;
  EXPECT_TRUE(CountMatrices(decoder, options)->other.empty());
}

TEST(ImportBlocks, MatricesThatActivationsOfIntegersMeetAreThoseInBlocksOfIntegers) {
  const Decoder decoder = BlockDecoder();
  const auto all_of = [&](ir::DType dtype, std::optional<ir::DType> weights) {
    ImportOptions options = BlockOptions(decoder, [dtype](absl::string_view) { return dtype; });
    options.weights = weights;
    const auto counts = CountMatrices(decoder, options);
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.ok() && counts->has_integers;
  };
  EXPECT_FALSE(all_of(ir::DType::kBF16, std::nullopt));
  EXPECT_FALSE(all_of(ir::DType::kBF16, ir::DType::kIQ4NL));
  EXPECT_TRUE(all_of(ir::DType::kBF16, ir::DType::kQ4_0));
  EXPECT_TRUE(all_of(ir::DType::kQ8_0, std::nullopt));
}

TEST(ImportBlocks, FloatMatricesAreThoseThatCanBeQuantised) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view name) {
    return absl::StrContains(name, "layers.0.self_attn.q_proj") ? ir::DType::kQ8_0
                                                                : ir::DType::kBF16;
  };
  const auto matrices = FloatMatrices(decoder, BlockOptions(decoder, dtype_of));
  ASSERT_TRUE(matrices.ok()) << matrices.status();
  std::vector<std::string> names;
  for (const Matrix& matrix : *matrices) {
    for (const std::string& tensor : matrix.tensors) names.push_back(tensor);
  }
  EXPECT_EQ(names.size(), 1 + 2 * 7 - 1);  // those of two layers, but for one
  EXPECT_EQ(names[0], "model.embed_tokens.weight");
  EXPECT_EQ(names[1], "model.layers.1.self_attn.q_proj.weight");
  EXPECT_EQ((*matrices)[1].layer, 1);
  EXPECT_EQ((*matrices)[1].columns, decoder.hidden_size);
}

TEST(ImportBlocks, QuantisesByTheImportancesThatTheCheckpointHas) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view) { return ir::DType::kBF16; };
  ImportOptions options = BlockOptions(decoder, dtype_of);
  const TensorLookup plain = options.find_tensor;
  options.find_tensor = [&](absl::string_view name) -> std::optional<TensorInfo> {
    const bool has = absl::StrContains(name, "down_proj") || absl::StrContains(name, "layers.0.");
    if (!absl::ConsumeSuffix(&name, kImportanceSuffix)) return plain(name);
    if (!has || absl::StrContains(name, "v_proj")) return std::nullopt;
    return TensorInfo{ir::DType::kF32, "F32", {plain(name)->shape.back()}};
  };
  options.weights = ir::DType::kQ4_0;  // whose quantiser takes none
  EXPECT_THAT(Import(decoder, options), Not(HasSubstr("importance")));
  options.weights = ir::DType::kIQ4NL;
  EXPECT_THAT(ImportError(decoder, options),
              HasSubstr("the importance matrix: has 1 of the 2 layers that it should have: "
                        "'model.layers.1.self_attn.q_proj.weight.importance' is not there"));
  options.find_tensor = [&](absl::string_view name) -> std::optional<TensorInfo> {
    if (!absl::ConsumeSuffix(&name, kImportanceSuffix)) return plain(name);
    if (!absl::StrContains(name, "down_proj")) return std::nullopt;
    return TensorInfo{ir::DType::kF32, "F32", {plain(name)->shape.back()}};
  };
  const std::string text = Import(decoder, options);
  EXPECT_THAT(text, HasSubstr("weight @wd_importance[layer < 2] : f32 ff[64] from "
                              "\"model.layers.{layer}.mlp.down_proj.weight.importance\""));
  EXPECT_THAT(text,
              HasSubstr("@wd_iq4_nl[layer] = quantize_blocks @wd[layer] @wd_importance[layer] "
                        "{out = iq4_nl}"));
  EXPECT_THAT(text, HasSubstr("@wu_iq4_nl[layer] = quantize_blocks @wu[layer] {out = iq4_nl}"));
}

TEST(ImportBlocks, RecordsWhatMatricesAreMultipliedWith) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.record_inputs = true;
  const std::string text = Import(ToyDecoder(), options);
  for (const char* state : {"@act_attention_input[layer", "@act_o_input[layer",
                            "@act_mlp_input[layer", "@act_down_input[layer"}) {
    EXPECT_THAT(text, HasSubstr(state));
  }
  EXPECT_THAT(text, Not(HasSubstr("@act_out")));
}

TEST(ImportBlocks, SaysWhyItCannotQuantise) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.weights = ir::DType::kQ8_0;
  EXPECT_EQ(ImportError(ToyDecoder(), options),
            "toy: no matrix of floats has rows of whole blocks of 32 elements, which q8_0 needs");
}

TEST(ImportBlocks, RefusesRowsOfPartsOfBlocks) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view) { return ir::DType::kQ6K; };
  EXPECT_EQ(ImportError(decoder, BlockOptions(decoder, dtype_of)),
            "toy: tensor 'model.embed_tokens.weight' is q6_k, and 32 elements of a row are not "
            "whole blocks of 256");
}

}  // namespace
}  // namespace lluda::frontends::decoder
