#include "frontends/decoder/adopt_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/files/test_files.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/decoder/test_model.h"

namespace lluda::frontends::decoder {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct StoredTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string data;
};
using Tensors = std::map<std::string, StoredTensor>;

// A vector of four bf16, all of them `letter` twice.
StoredTensor Small(char letter) { return {"BF16", {4}, std::string(8, letter)}; }

// The toy's tensors, each filled with a letter of its own.
Tensors Toy() {
  Tensors tensors;
  char letter = 'A';
  for (const auto& [name, info] : ToyTensors(ir::DType::kBF16)) {
    size_t bytes = 2;
    for (const int64_t extent : info.shape) bytes *= static_cast<size_t>(extent);
    tensors[name] = {info.dtype_name, info.shape, std::string(bytes, letter++)};
  }
  return tensors;
}

// Opens the tensors as a checkpoint and adopts it.
class Adopted {
 public:
  explicit Adopted(const Tensors& tensors, bool tied = false) {
    std::string header, data;
    for (const auto& [name, tensor] : tensors) {
      absl::StrAppend(&header, header.empty() ? "{" : ", ", "\"", name, "\": {\"dtype\": \"",
                      tensor.dtype, "\", \"shape\": [", absl::StrJoin(tensor.shape, ", "),
                      "], \"data_offsets\": [", data.size(), ", ", data.size() + tensor.data.size(),
                      "]}");
      data += tensor.data;
    }
    folder_.Write("model.safetensors", base::SafetensorsBytes(header + "}", data));
    absl::StatusOr<Checkpoint> opened = Checkpoint::Open(folder_.path());
    EXPECT_TRUE(opened.ok()) << opened.status();
    checkpoint_ = std::make_unique<Checkpoint>(*std::move(opened));
    decoder_ = ToyDecoder();
    decoder_.tie_word_embeddings = tied;
    status_ = AdoptCheckpoint("toy", checkpoint_.get(), &decoder_, &notes_);
  }

  const absl::Status& status() const { return status_; }
  const std::vector<std::string>& notes() const { return notes_; }
  bool tied() const { return decoder_.tie_word_embeddings; }
  // What a tensor holds; "" if there is none of that name.
  std::string Data(absl::string_view name) const {
    const TensorView* tensor = checkpoint_->Find(name);
    if (tensor == nullptr) return "";
    return std::string(reinterpret_cast<const char*>(tensor->data), tensor->bytes);
  }

 private:
  base::TemporaryFolder folder_;
  std::unique_ptr<Checkpoint> checkpoint_;
  Decoder decoder_;
  std::vector<std::string> notes_;
  absl::Status status_;
};

TEST(AdoptCheckpoint, ACheckpointAsItShouldBeStaysAsItIs) {
  const Adopted toy(Toy());
  EXPECT_TRUE(toy.status().ok()) << toy.status();
  EXPECT_THAT(toy.notes(), IsEmpty());
  EXPECT_FALSE(toy.tied());
  for (const auto& [name, tensor] : Toy()) EXPECT_EQ(toy.Data(name), tensor.data) << name;
}

TEST(AdoptCheckpoint, NamesWithoutThePrefixAreGivenItEachByItself) {
  Tensors all, some;
  for (const auto& [name, tensor] : Toy()) {
    const std::string bare(absl::StripPrefix(name, "model."));
    all[bare] = tensor;
    some[absl::StrContains(name, "layers.1.") ? bare : name] = tensor;
  }
  for (const Tensors& tensors : {all, some}) {
    const Adopted toy(tensors);
    EXPECT_TRUE(toy.status().ok()) << toy.status();
    EXPECT_THAT(toy.notes(), IsEmpty());
    for (const auto& [name, tensor] : Toy()) EXPECT_EQ(toy.Data(name), tensor.data) << name;
  }
}

TEST(AdoptCheckpoint, NamesOfThePartThatReadsTextLoseWhatTheWholeAddsToThem) {
  Tensors older, newer;
  for (const auto& [name, tensor] : Toy()) {
    older["language_model." + name] = tensor;
    absl::string_view rest = name;
    newer[absl::ConsumePrefix(&rest, "model.") ? absl::StrCat("model.language_model.", rest)
                                               : name] = tensor;
  }
  for (Tensors tensors : {older, newer}) {
    tensors["vision_tower.patch.weight"] = Small('v');
    const Adopted toy(tensors);
    EXPECT_TRUE(toy.status().ok()) << toy.status();
    EXPECT_THAT(toy.notes(), ElementsAre("toy: 1 tensor is not part of the model and not used: "
                                         "'vision_tower.patch.weight'"));
    for (const auto& [name, tensor] : Toy()) EXPECT_EQ(toy.Data(name), tensor.data) << name;
  }
}

TEST(AdoptCheckpoint, AHeadThatIsCalledLikeThePartsOfTheModelIsTheHead) {
  Tensors tensors = Toy();
  tensors["model.lm_head.weight"] = tensors["lm_head.weight"];
  tensors.erase("lm_head.weight");
  const Adopted toy(tensors);
  EXPECT_EQ(toy.Data("lm_head.weight"), Toy()["lm_head.weight"].data);
  EXPECT_THAT(toy.notes(), IsEmpty());
}

TEST(AdoptCheckpoint, TwoTensorsForOneNameHaveToBeEqual) {
  Tensors tensors = Toy();
  tensors["norm.weight"] = tensors["model.norm.weight"];
  EXPECT_TRUE(Adopted(tensors).status().ok());
  tensors["norm.weight"].data[3] ^= 1;
  EXPECT_EQ(Adopted(tensors).status(),
            absl::InvalidArgumentError("toy: tensors 'model.norm.weight' and 'norm.weight' differ, "
                                       "and both stand for the former"));
}

TEST(AdoptCheckpoint, OtherPrefixesAreNotThoseOfTheModel) {
  Tensors tensors = Toy();
  tensors["transformer.norm.weight"] = tensors["model.norm.weight"];
  tensors.erase("model.norm.weight");
  const Adopted toy(tensors);
  EXPECT_EQ(toy.Data("model.norm.weight"), "");
  EXPECT_THAT(toy.notes(), ElementsAre("toy: 1 tensor is not part of the model and not used: "
                                       "'transformer.norm.weight'"));
}

TEST(AdoptCheckpoint, AHeadThatIsTheEmbeddingAgainStaysTied) {
  Tensors tensors = Toy();
  tensors["lm_head.weight"].data = tensors["model.embed_tokens.weight"].data;
  const Adopted toy(tensors, /*tied=*/true);
  EXPECT_TRUE(toy.tied());
  EXPECT_THAT(toy.notes(), IsEmpty());
}

TEST(AdoptCheckpoint, AnotherHeadUntiesTheModelAndIsToldOf) {
  Tensors tensors = Toy();
  tensors["lm_head.weight"].data = tensors["model.embed_tokens.weight"].data;
  tensors["lm_head.weight"].data.back() ^= 1;
  const Adopted toy(tensors, /*tied=*/true);
  EXPECT_FALSE(toy.tied());
  EXPECT_THAT(toy.notes(), ElementsAre("toy: 'lm_head.weight' is not 'model.embed_tokens.weight' "
                                       "although config.json ties them; both are used"));
}

TEST(AdoptCheckpoint, AHeadInAnotherDtypeIsComparedByItsNumbers) {
  Tensors tensors = Toy();
  // A bf16 is the upper half of an f32.
  const std::string narrow = tensors["model.embed_tokens.weight"].data;
  std::string wide;
  for (size_t i = 0; i < narrow.size(); i += 2) {
    wide += absl::StrCat(std::string(2, '\0'), narrow.substr(i, 2));
  }
  tensors["lm_head.weight"] = {"F32", {32, 8}, wide};
  EXPECT_TRUE(Adopted(tensors, /*tied=*/true).tied());
  tensors["lm_head.weight"].data[0] = 1;
  EXPECT_FALSE(Adopted(tensors, /*tied=*/true).tied());
}

TEST(AdoptCheckpoint, AHeadWithoutAnEmbeddingIsBoth) {
  Tensors tensors = Toy();
  tensors.erase("model.embed_tokens.weight");
  const Adopted toy(tensors, /*tied=*/true);
  EXPECT_TRUE(toy.tied());
  EXPECT_EQ(toy.Data("model.embed_tokens.weight"), Toy()["lm_head.weight"].data);
  EXPECT_THAT(toy.notes(), IsEmpty());
}

TEST(AdoptCheckpoint, TensorsThatAreNotUsedAreNamedButForTablesOfRotaryEmbedding) {
  Tensors tensors = Toy();
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = Small('f');
  tensors["model.rotary_emb.cos_cached"] = Small('c');
  tensors["score.weight"] = Small('s');
  tensors["model.layers.2.mlp.up_proj.weight"] = Small('u');
  EXPECT_THAT(Adopted(tensors).notes(),
              ElementsAre("toy: 2 tensors are not part of the model and not used: "
                          "'model.layers.2.mlp.up_proj.weight', 'score.weight'"));
  tensors["value\\n"] = Small('v');
  tensors["zero"] = Small('z');
  EXPECT_THAT(Adopted(tensors).notes(),
              ElementsAre("toy: 4 tensors are not part of the model and not used: "
                          "'model.layers.2.mlp.up_proj.weight', 'score.weight', 'value\\n', ..."));
}

}  // namespace
}  // namespace lluda::frontends::decoder
