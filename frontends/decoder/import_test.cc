#include "frontends/decoder/import.h"

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "frontends/decoder/import_text.h"
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
