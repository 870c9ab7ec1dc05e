#include "frontends/decoder/import.h"

#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "frontends/decoder/test_model.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/check/verifier.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"

namespace lluda::frontends::decoder {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Import(const Decoder& decoder, const ImportOptions& options) {
  const auto module = ImportDecoder(decoder, options);
  EXPECT_TRUE(module.ok()) << module.status();
  if (!module.ok()) return "";
  const absl::Status sound = ir::Verify(**module);
  EXPECT_TRUE(sound.ok()) << sound;
  return ir::PrintModule(**module);
}

std::string ImportError(const Decoder& decoder, const ImportOptions& options) {
  const auto module = ImportDecoder(decoder, options);
  EXPECT_FALSE(module.ok());
  return module.ok() ? "" : std::string(module.status().message());
}

TEST(Import, WritesTheModelAsThePaperDoes) {
  EXPECT_EQ(Import(ToyDecoder(), ToyOptions(ToyTensors(ir::DType::kBF16))),
            ReadFile("frontends/decoder/testdata/toy.lluda"));
}

TEST(Import, AHeadThatMayBeReadInPartHasAStepOfItsOwn) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.partial_head = true;
  const std::string text = Import(ToyDecoder(), options);
  EXPECT_THAT(text, HasSubstr("symbol Q in 1..16\n"));
  EXPECT_THAT(text,
              HasSubstr("func @step(%tokens: i32 tok[T], %pos: i32 tok[T], %slot: i32 tok[T], "
                        "%rows: i32 row[R]) ->"));
  EXPECT_THAT(text, HasSubstr("func @top(%tokens: i32 tok[T], %pos: i32 tok[T], %slot: i32 tok[T], "
                              "%rows: i32 row[Q], %kept: i32 row[Q]) ->"));
  EXPECT_THAT(text, HasSubstr("%least = nth_largest %l %kept over vocab : f32 row[Q]\n"
                              "    %largest = keep %l %l %least : f32 row[Q] vocab["));
  Decoder other = ToyDecoder();
  other.logits_softcap = 30;
  EXPECT_EQ(ImportError(other, options),
            "the model's head cannot be read in part: its logits are capped");
  other = ToyDecoder();
  other.logits_divisor = 8;
  EXPECT_EQ(ImportError(other, options),
            "the model's head cannot be read in part: its logits are scaled");
  options.result = StepResult::kHidden;
  EXPECT_EQ(ImportError(ToyDecoder(), options),
            "the model's head cannot be read in part: the step gives no logits");
}

TEST(Import, InF32LeavesTheRoundingOut) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.precision = Precision::kF32;
  EXPECT_EQ(Import(ToyDecoder(), options), ReadFile("frontends/decoder/testdata/toy_f32.lluda"));
}

TEST(Import, DeclaresWhatPagesAreCountedByWhereTheyAreAskedFor) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  const std::string slots = Import(ToyDecoder(), options);
  options.pages = true;
  // Four slots of 128 positions.
  EXPECT_EQ(Import(ToyDecoder(), options),
            absl::StrReplaceAll(slots, {{"  symbol C in 64..128\n",
                                         "  symbol C in 64..128\n  symbol P in 1..8\n"
                                         "  symbol B in 1..2\n"}}));
}

TEST(Import, WithACacheOfIntegersQuantisesWhatItAppends) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.kv_cache = KvCache::kInt8;
  EXPECT_EQ(Import(ToyDecoder(), options), ReadFile("frontends/decoder/testdata/toy_int8.lluda"));
}

TEST(Import, GivesASoundModuleForEveryDtypeAndPrecision) {
  const std::pair<Precision, KvCache> kinds[] = {{Precision::kBF16, KvCache::kPrecision},
                                                 {Precision::kBF16, KvCache::kInt8},
                                                 {Precision::kF32, KvCache::kPrecision},
                                                 {Precision::kF32, KvCache::kInt8}};
  for (const ir::DType dtype : {ir::DType::kBF16, ir::DType::kF16, ir::DType::kF32}) {
    for (const auto& [precision, kv_cache] : kinds) {
      for (const bool tied : {true, false}) {
        Decoder decoder = ToyDecoder();
        decoder.tie_word_embeddings = tied;
        ImportOptions options = ToyOptions(ToyTensors(dtype));
        options.precision = precision;
        options.kv_cache = kv_cache;
        const auto module = ImportDecoder(decoder, options);
        ASSERT_TRUE(module.ok()) << module.status();
        EXPECT_EQ(ir::Verify(**module), absl::OkStatus());
      }
    }
  }
}

TEST(Import, GivesTextThatTheParserAccepts) {
  const std::string text = Import(ToyDecoder(), ToyOptions(ToyTensors(ir::DType::kF16)));
  const auto module = ir::ParseModule(text, "toy");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ(ir::PrintModule(**module), text);
}

TEST(Import, NeverEmitsAFusedOp) {
  const auto module = ImportDecoder(ToyDecoder(), ToyOptions(ToyTensors(ir::DType::kBF16)));
  ASSERT_TRUE(module.ok()) << module.status();
  ir::ForEachOp(**module, [](const ir::Op* op) {
    EXPECT_THAT(std::string(op->name()), Not(AnyOf("attention", "softmax", "rope", "pack")));
    EXPECT_TRUE(op->attrs.epilogue.empty());
    EXPECT_TRUE(!op->attrs.out || op->opcode() == ir::Opcode::kCast) << op->name();
  });
}

TEST(Import, AKindOfAttentionIsWrittenOnceAndCalledByRunsOfItsLayers) {
  Decoder decoder = ToyDecoder();
  decoder.attentions.push_back({"attn_window", 0, 3});
  decoder.layers[1].attention = 1;
  const std::string text = Import(decoder, ToyOptions(ToyTensors(ir::DType::kBF16)));
  for (const char* line :
       {"func @attn[layer < 2](", "func @attn_window[layer < 2](",
        "causal_mask %s1 over pos at %pos : ", "causal_mask %s1 over pos at %pos {window = 3} : ",
        "for layer in 0..1 carry %x = %x1 {", "call @attn[layer] %x ",
        "state @k_cache[layer < 2] : ", "%ks = append @k_cache[layer] ",
        "state @v_cache_window[layer < 2] : ", "%vs = append @v_cache_window[layer] ",
        "for layer in 1..2 carry %x_1 = %xn {", "call @attn_window[layer] "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Import, ScoresAndLogitsMayBeCapped) {
  Decoder decoder = ToyDecoder();
  decoder.attention_softcap = 50;
  decoder.logits_softcap = 4;
  const std::string text = Import(decoder, ToyOptions(ToyTensors(ir::DType::kBF16)));
  for (const char* line : {"%sc_inner = scale %s1 {by = 0.02}", "%sc_tanh = tanh %sc_inner",
                           "%sc = scale %sc_tanh {by = 50}", "causal_mask %sc over pos",
                           "%lc_inner = scale %l {by = 0.25}", "%lc = scale %lc_tanh {by = 4}"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Import, CastsWeightsOfAnotherDtypeForMatmulsOnly) {
  const std::string text = Import(ToyDecoder(), ToyOptions(ToyTensors(ir::DType::kF32)));
  EXPECT_THAT(text, HasSubstr("%wq_bf16 = cast @wq[layer] {out = bf16} : bf16 q[16] hid[8]\n"
                              "    %q0 = matmul %h %wq_bf16 over hid"));
  EXPECT_THAT(text, HasSubstr("rmsnorm %x @attn_norm[layer] over hid"));
  EXPECT_THAT(text, Not(HasSubstr("norm_bf16")));
}

TEST(Import, ReadsATiedF32EmbeddingInTheDtypeOfTheHead) {
  const std::string text = Import(ToyDecoder(), ToyOptions(ToyTensors(ir::DType::kF32)));
  EXPECT_THAT(text, HasSubstr("%x0 = gather %embed_bf16 over vocab at %tokens : bf16"));
  EXPECT_THAT(text, HasSubstr("%wt = permute %embed_bf16 to hid vocab : bf16"));
}

TEST(Import, UsesF32WeightsAsTheyAreInF32) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kF32));
  options.precision = Precision::kF32;
  // The one cast is that of the positions.
  const std::string text = absl::StrReplaceAll(Import(ToyDecoder(), options),
                                               {{"%position = cast %pos {out = f32}", ""}});
  EXPECT_THAT(text, Not(HasSubstr("cast")));
}

TEST(Import, OfATiedModelIgnoresAnLmHeadInTheFile) {
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kBF16);
  const std::string with_head = Import(ToyDecoder(), ToyOptions(tensors));
  tensors.erase("lm_head.weight");
  EXPECT_EQ(Import(ToyDecoder(), ToyOptions(tensors)), with_head);
  EXPECT_THAT(with_head, Not(HasSubstr("lm_head")));
}

TEST(Import, OfAnUntiedModelNeedsTheLmHead) {
  Decoder decoder = ToyDecoder();
  decoder.tie_word_embeddings = false;
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kBF16);
  const std::string text = Import(decoder, ToyOptions(tensors));
  EXPECT_THAT(text, HasSubstr("weight @lm_head : bf16 vocab[32] hid[8] from \"lm_head.weight\""));
  EXPECT_THAT(text, HasSubstr("%wt = permute @lm_head to hid vocab"));
  EXPECT_THAT(text, HasSubstr("gather @embed over vocab"));
  tensors.erase("lm_head.weight");
  EXPECT_EQ(ImportError(decoder, ToyOptions(tensors)),
            "toy: tensor 'lm_head.weight' is missing, config.json asks for one of shape [32, 8]");
}

TEST(Import, ForEmbeddingsReturnsTheHiddenStateAndReadsNoHead) {
  Decoder decoder = ToyDecoder();
  decoder.tie_word_embeddings = false;
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kF32);
  tensors.erase("lm_head.weight");
  ImportOptions options = ToyOptions(tensors);
  options.result = StepResult::kHidden;
  const std::string text = Import(decoder, options);
  EXPECT_THAT(text, HasSubstr("func @hidden(%x: f32 row[R] hid[8]) -> f32 row[R] hid[8] {"));
  EXPECT_THAT(text, HasSubstr("%hidden = call @hidden %xr"));
  EXPECT_THAT(text, Not(HasSubstr("logits")));
  // What is no head as well is looked up as it is.
  EXPECT_THAT(text, HasSubstr("%x0 = gather @embed over vocab at %tokens : f32"));
}

TEST(Import, ChecksTheShapesOfAllLayers) {
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kBF16);
  tensors["model.layers.1.self_attn.o_proj.weight"].shape = {16, 8};
  EXPECT_EQ(ImportError(ToyDecoder(), ToyOptions(tensors)),
            "toy: tensor 'model.layers.1.self_attn.o_proj.weight' has shape [16, 8], config.json "
            "asks for [8, 16]");
  tensors = ToyTensors(ir::DType::kBF16);
  tensors.erase("model.layers.1.mlp.up_proj.weight");
  EXPECT_EQ(ImportError(ToyDecoder(), ToyOptions(tensors)),
            "toy: tensor 'model.layers.1.mlp.up_proj.weight' is missing, config.json asks for one "
            "of shape [12, 8]");
}

TEST(Import, RefusesDtypesThatItCannotComputeWith) {
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kBF16);
  tensors["model.norm.weight"].dtype = std::nullopt;
  tensors["model.norm.weight"].dtype_name = "F8_E4M3";
  EXPECT_EQ(ImportError(ToyDecoder(), ToyOptions(tensors)),
            "toy: tensor 'model.norm.weight' is F8_E4M3, supported are F32, BF16, F16");
  tensors["model.norm.weight"].dtype = ir::DType::kI8;
  tensors["model.norm.weight"].dtype_name = "I8";
  EXPECT_EQ(ImportError(ToyDecoder(), ToyOptions(tensors)),
            "toy: tensor 'model.norm.weight' is I8, supported are F32, BF16, F16");
}

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

TEST(Import, ReadsMatricesInBlocksThroughADequantize) {
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

TEST(Import, LayersThatDifferInBlocksHaveFunctionsOfTheirOwn) {
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

TEST(Import, LayersOfOneMakeButForTheirMlpShareTheirAttention) {
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

TEST(Import, ExpertsInOtherBlocksAreAKindBesideDenseLayers) {
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

TEST(Import, WindowsAndBlocksMakeKindsTogether) {
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

TEST(Import, RowsInPairsArePutInOrderAsBlocks) {
  Decoder decoder = BlockDecoder();
  decoder.paired_rows = true;
  const auto dtype_of = [](absl::string_view) { return ir::DType::kQ4_0; };
  EXPECT_THAT(Import(decoder, BlockOptions(decoder, dtype_of)), HasSubstr(R"(
      %wq_q4_0_paired = split @wq_q4_0[layer] q -> head[4] pair[8] half[2] : q4_0 head[4] pair[8] half[2] hid[32]
      %wq_q4_0_halves = permute %wq_q4_0_paired to head half pair hid : q4_0 head[4] half[2] pair[8] hid[32]
      @wq[layer] = merge %wq_q4_0_halves head half pair -> q[64] : q4_0 q[64] hid[32]
)"));
}

TEST(Import, WeightsThatSeveralLoopsOfTheLoadBlockReadHaveANameInEach) {
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

TEST(Import, WhereLayersAreRecordedThatDifferEachHasItsFunctions) {
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

TEST(Import, QuantisesMatricesOfFloatsInTheLoadBlock) {
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

TEST(Import, TensorsMayHaveDTypesOfTheirOwn) {
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

TEST(Import, FloatMatricesAreThoseThatCanBeQuantised) {
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

TEST(Import, QuantisesByTheImportancesThatTheCheckpointHas) {
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
              HasSubstr("the importance matrix has 1 of the 2 layers that it should have: "
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

TEST(Import, RecordsWhatMatricesAreMultipliedWith) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.record_inputs = true;
  const std::string text = Import(ToyDecoder(), options);
  for (const char* state : {"@act_attention_input[layer", "@act_o_input[layer",
                            "@act_mlp_input[layer", "@act_down_input[layer"}) {
    EXPECT_THAT(text, HasSubstr(state));
  }
  EXPECT_THAT(text, Not(HasSubstr("@act_out")));
}

TEST(Import, SaysWhyItCannotQuantise) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.weights = ir::DType::kQ8_0;
  EXPECT_EQ(ImportError(ToyDecoder(), options),
            "toy: no matrix of floats has rows of whole blocks of 32 elements, which q8_0 needs");
}

TEST(Import, RefusesRowsOfPartsOfBlocks) {
  const Decoder decoder = BlockDecoder();
  const auto dtype_of = [](absl::string_view) { return ir::DType::kQ6K; };
  EXPECT_EQ(ImportError(decoder, BlockOptions(decoder, dtype_of)),
            "toy: tensor 'model.embed_tokens.weight' is q6_k, and 32 elements of a row are not "
            "whole blocks of 256");
}

// Three layers, of which the second has an f32 down_proj and q_norm.
ImportOptions MixedOptions() {
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kBF16);
  for (auto& [name, info] : std::map<std::string, TensorInfo>(tensors)) {
    const std::string third = absl::StrReplaceAll(name, {{"layers.1", "layers.2"}});
    tensors[third] = info;
  }
  for (const char* part : {"mlp.down_proj", "self_attn.q_norm"}) {
    TensorInfo& info = tensors[absl::StrCat("model.layers.1.", part, ".weight")];
    info.dtype = ir::DType::kF32;
    info.dtype_name = "F32";
  }
  return ToyOptions(tensors);
}

TEST(Import, LayersThatDifferInDtypeAreCastInTheLoadBlock) {
  Decoder decoder = ToyDecoder();
  decoder.layers.resize(3);
  const std::string text = Import(decoder, MixedOptions());
  EXPECT_THAT(text, HasSubstr(R"(
  weight @q_norm_bf16[layer < 3] : bf16 dim[4] from "model.layers.{layer}.self_attn.q_norm.weight"
  weight @q_norm_f32[layer < 3] : f32 dim[4] from "model.layers.{layer}.self_attn.q_norm.weight"
)"));
  EXPECT_THAT(text, HasSubstr(R"(
  load {
    for layer in 0..1 {
      @q_norm[layer] = cast @q_norm_bf16[layer] {out = f32} : f32 dim[4]
      @wd[layer] = cast @wd_bf16[layer] {out = bf16} : bf16 hid[8] ff[12]
    }
    for layer in 1..2 {
      @q_norm[layer] = cast @q_norm_f32[layer] {out = f32} : f32 dim[4]
      @wd[layer] = cast @wd_f32[layer] {out = bf16} : bf16 hid[8] ff[12]
    }
    for layer in 2..3 {
      @q_norm[layer] = cast @q_norm_bf16[layer] {out = f32} : f32 dim[4]
      @wd[layer] = cast @wd_bf16[layer] {out = bf16} : bf16 hid[8] ff[12]
    }
  }
)"));
  const auto parsed = ir::ParseModule(text, "mixed");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(ir::Verify(**parsed).ok()) << ir::Verify(**parsed);
  EXPECT_EQ(ir::PrintModule(**parsed), text);
}

TEST(Import, InF32ThatIsForWideningOnly) {
  Decoder decoder = ToyDecoder();
  decoder.layers.resize(3);
  ImportOptions options = MixedOptions();
  options.precision = Precision::kF32;
  EXPECT_THAT(Import(decoder, options),
              HasSubstr("@wd[layer] = cast @wd_bf16[layer] {out = f32} : f32 hid[8] ff[12]"));
}

TEST(Import, RoundsTheContextUpToWholeBlocks) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  const auto all = ImportDecoder(ToyDecoder(), options);
  EXPECT_EQ(*(*all)->FindSymbol("C"), (ir::Symbol{"C", 64, 128}));
  options.max_context = 64;
  const auto less = ImportDecoder(ToyDecoder(), options);
  EXPECT_EQ(*(*less)->FindSymbol("C"), (ir::Symbol{"C", 64, 64}));
}

TEST(Import, RefusesOptionsOutOfRange) {
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.max_context = 101;
  EXPECT_EQ(ImportError(ToyDecoder(), options),
            "max_context 101 is more than the model's max_position_embeddings, 100");
  options.max_context = 100;
  options.max_slots = 0;
  EXPECT_EQ(ImportError(ToyDecoder(), options), "max_slots must be at least 1, is 0");
  EXPECT_EQ(ImportError(ToyDecoder(), ImportOptions()), "find_tensor is not set");
}

TEST(Import, RefusesAModelThatNeedsTooLargeACache) {
  Decoder decoder = ToyDecoder();
  decoder.max_position_embeddings = 1 << 30;
  ImportOptions options = ToyOptions(ToyTensors(ir::DType::kBF16));
  options.max_slots = 1 << 10;
  EXPECT_THAT(ImportError(decoder, options),
              HasSubstr("the model needs too large a tensor, @k_cache: bf16 slot[S] kv[2] pos[C] "
                        "dim[4]: "));
}

}  // namespace
}  // namespace lluda::frontends::decoder
