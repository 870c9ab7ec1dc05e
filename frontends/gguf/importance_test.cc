#include "frontends/gguf/importance.h"

#include <cstring>
#include <string>
#include <vector>

#include "base/files/test_files.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/gguf/file/gguf_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::frontends::gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

std::string Floats(const std::vector<float>& values) {
  std::string bytes;
  for (const float value : values) bytes += FloatBytes(value);
  return bytes;
}

// As llama.cpp writes it, of one matrix; its counts are of as many experts as there are.
GgufWriter FileOf(const std::string& name, int64_t columns, const std::vector<float>& sums,
                  const std::vector<float>& counts) {
  const auto experts = static_cast<int64_t>(counts.size());
  GgufWriter writer;
  writer.String("general.type", "imatrix").Strings("imatrix.datasets", {"wiki.txt"});
  writer.U32("imatrix.chunk_count", 3).U32("imatrix.chunk_size", 512);
  writer.Tensor(name + ".in_sum2", 0, {columns, experts}, Floats(sums));
  writer.Tensor(name + ".counts", 0, {1, experts}, Floats(counts));
  return writer;
}

class ImportanceTest : public ::testing::Test {
 protected:
  absl::StatusOr<Importance> Read(const std::string& bytes) {
    return ReadImportance(folder_.Write("m.gguf", bytes));
  }
  std::string ErrorOf(const GgufWriter& writer) {
    return std::string(Read(writer.Bytes()).status().message());
  }
  Checkpoint Of(const GgufWriter& writer) {
    const auto file = GgufFile::Open(folder_.Write("w.gguf", writer.Bytes()));
    EXPECT_TRUE(file.ok()) << file.status();
    return Checkpoint("w", file->TensorFiles());
  }
  // A checkpoint with an attn_q of two columns.
  Checkpoint Sound() {
    GgufWriter writer;
    writer.Tensor("model.layers.0.self_attn.q_proj.weight", 0, {2, 3}, std::string(24, '\0'));
    writer.Tensor("model.embed_tokens.weight", 0, {2, 4}, std::string(32, '\0'));
    return Of(writer);
  }

  base::TemporaryFolder folder_;
  std::vector<std::string> notes_;
};

std::vector<float> FloatsOf(const Checkpoint& checkpoint, const std::string& name) {
  const auto bytes = checkpoint.Read(name);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  std::vector<float> floats(bytes->span.size() / sizeof(float));
  std::memcpy(floats.data(), bytes->span.data(), bytes->span.size());
  return floats;
}

TEST_F(ImportanceTest, AFileOfLlamaCppsIsReadAndWhatIsWrittenIsOne) {
  const auto read = Read(FileOf("blk.0.attn_q.weight", 2, {8, 2}, {4}).Bytes());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->windows, 3);
  EXPECT_EQ(read->window_tokens, 512);
  EXPECT_THAT(read->texts, ElementsAre("wiki.txt"));
  const auto again = Read(ImportanceFile(*read));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ImportanceFile(*again), ImportanceFile(*read));
  const Importance::Matrix& matrix = again->matrices.at("blk.0.attn_q.weight");
  EXPECT_THAT(matrix.sums, ElementsAre(8, 2));
  EXPECT_THAT(matrix.counts, ElementsAre(4));
}

constexpr char kUp[] = "blk.0.ffn_up_exps.weight";

TEST_F(ImportanceTest, ExpertsAreCountedApart) {
  const std::string file = FileOf(kUp, 2, {1, 2, 10, 20}, {3, 5}).Bytes();
  const auto read = Read(file);
  ASSERT_TRUE(read.ok()) << read.status();
  const Importance::Matrix& matrix = read->matrices.at(kUp);
  EXPECT_THAT(matrix.sums, ElementsAre(1, 2, 10, 20));
  EXPECT_THAT(matrix.counts, ElementsAre(3, 5));
  EXPECT_EQ(ImportanceFile(*read), file);
  GgufWriter fewer;
  fewer.String("general.type", "imatrix")
      .U32("imatrix.chunk_count", 3)
      .U32("imatrix.chunk_size", 1);
  fewer.Tensor("a.in_sum2", 0, {3, 1}, Floats({1, 2, 3}));
  fewer.Tensor("a.counts", 0, {1, 2}, Floats({3, 5}));
  EXPECT_THAT(ErrorOf(fewer), HasSubstr("has 3 sums, 2 counts of 3 columns are beside it"));
}

// Three experts of two columns, the second of which no token took.
Importance OfExperts() {
  Importance importance;
  importance.matrices[kUp] = {{8, 2, 0, 0, 3, 6}, {4, 0, 3}};
  return importance;
}

TEST_F(ImportanceTest, EachExpertHasItsOwnMeansAndOnesWhereNoTokenTookIt) {
  GgufWriter writer;
  for (const char* expert : {"0", "1", "2"}) {
    writer.Tensor(std::string("model.layers.0.mlp.experts.") + expert + ".up_proj.weight", 0,
                  {2, 3}, std::string(24, '\0'));
  }
  Checkpoint checkpoint = Of(writer);
  const absl::Status added = AddImportance(OfExperts(), true, &checkpoint, &notes_);
  ASSERT_TRUE(added.ok()) << added;
  EXPECT_THAT(FloatsOf(checkpoint, "model.layers.0.mlp.experts.0.up_proj.weight.importance"),
              ElementsAre(2.0f, 0.5f));
  EXPECT_THAT(FloatsOf(checkpoint, "model.layers.0.mlp.experts.1.up_proj.weight.importance"),
              ElementsAre(1.0f, 1.0f));
  EXPECT_THAT(FloatsOf(checkpoint, "model.layers.0.mlp.experts.2.up_proj.weight.importance"),
              ElementsAre(1.0f, 2.0f));
}

TEST_F(ImportanceTest, ExpertsInOneTensorHaveOneTensorOfMeans) {
  GgufWriter writer;
  writer.Tensor("model.layers.0.mlp.experts.up_proj.weight", 0, {2, 5, 3}, std::string(120, '\0'));
  Checkpoint checkpoint = Of(writer);
  ASSERT_TRUE(AddImportance(OfExperts(), true, &checkpoint, &notes_).ok());
  EXPECT_THAT(FloatsOf(checkpoint, "model.layers.0.mlp.experts.up_proj.weight.importance"),
              ElementsAre(2.0f, 0.5f, 1.0f, 1.0f, 1.0f, 2.0f));
  Checkpoint again = Of(writer);
  Importance other;
  other.matrices[kUp] = {{1, 2, 3, 4}, {1, 1}};
  EXPECT_EQ(AddImportance(other, true, &again, &notes_).message(),
            "the importance matrix: has 2 experts for blk.0.ffn_up_exps.weight, the model has 3");
}

TEST_F(ImportanceTest, WhatIsNoMatrixOfImportancesIsRefused) {
  EXPECT_THAT(ErrorOf(GgufWriter().String("general.type", "model")),
              HasSubstr("key 'general.type': must be 'imatrix'"));
  EXPECT_THAT(ErrorOf(FileOf("a", 2, {1, -1}, {4})),
              HasSubstr("tensor 'a.in_sum2' holds -1, which is no sum of squares"));
  EXPECT_THAT(ErrorOf(FileOf("a", 1, {1}, {__builtin_nanf("")})),
              HasSubstr("tensor 'a.counts' holds nan"));
  GgufWriter alone;
  alone.String("general.type", "imatrix")
      .U32("imatrix.chunk_count", 3)
      .U32("imatrix.chunk_size", 1);
  EXPECT_THAT(ErrorOf(alone), HasSubstr("has no tensors of sums"));
  alone.Tensor("a.in_sum2", 0, {1, 1}, Floats({1}));
  EXPECT_THAT(ErrorOf(alone), HasSubstr("tensor 'a.in_sum2' has no counts beside it"));
}

TEST_F(ImportanceTest, ACheckpointsMatricesGetTheMeansOfTheirColumns) {
  Checkpoint checkpoint = Sound();
  Importance importance;
  importance.matrices["blk.0.attn_q.weight"] = {{8, 2}, {4}};
  importance.matrices["output.weight"] = {{5, 6}, {1}};
  ASSERT_TRUE(AddImportance(importance, /*is_tied=*/true, &checkpoint, &notes_).ok());
  EXPECT_THAT(FloatsOf(checkpoint, "model.layers.0.self_attn.q_proj.weight.importance"),
              ElementsAre(2.0f, 0.5f));
  EXPECT_THAT(FloatsOf(checkpoint, "model.embed_tokens.weight.importance"),
              ElementsAre(5.0f, 6.0f));
}

TEST_F(ImportanceTest, OfAHeadApartTheEmbeddingHasNoneAndOtherColumnsAreRefused) {
  Checkpoint checkpoint = Sound();
  Importance importance;
  importance.matrices["output.weight"] = {{5, 6}, {1}};
  importance.matrices["blk.0.attn_q.weight"] = {{8, 2}, {1}};
  ASSERT_TRUE(AddImportance(importance, /*is_tied=*/false, &checkpoint, &notes_).ok());
  EXPECT_EQ(checkpoint.Find("model.embed_tokens.weight.importance"), nullptr);
  importance.matrices["blk.0.attn_q.weight"] = {{8, 2, 1}, {4}};
  EXPECT_EQ(AddImportance(importance, /*is_tied=*/false, &checkpoint, &notes_).message(),
            "the importance matrix: has 3 columns for blk.0.attn_q.weight, the model has 2");
}

// What is made of a matrix's sums.
class ImportanceScaleTest : public ImportanceTest {
 protected:
  std::vector<float> MeansOf(std::vector<double> sums, double count) {
    Checkpoint checkpoint = Sound();
    Importance importance;
    importance.matrices["blk.0.attn_q.weight"] = {std::move(sums), {count}};
    EXPECT_TRUE(AddImportance(importance, /*is_tied=*/true, &checkpoint, &notes_).ok());
    return FloatsOf(checkpoint, "model.layers.0.self_attn.q_proj.weight.importance");
  }
};

TEST_F(ImportanceScaleTest, ColumnsThatNoTokenReachedCountAlike) {
  EXPECT_THAT(MeansOf({8, 2}, 0), ElementsAre(1.0f, 1.0f));
  EXPECT_THAT(MeansOf({0, 0}, 4), ElementsAre(1.0f, 1.0f));
}

TEST_F(ImportanceScaleTest, WhatMeansAreBesideEachOtherIsKeptWhereTheyAreNoUsualFloats) {
  EXPECT_THAT(MeansOf({3e38, 1.5e38}, 1), ElementsAre(FloatEq(0.8816208f), FloatEq(0.4408104f)));
  const std::vector<float> tiny = MeansOf({0x3p-149, 0x1p-149}, 1);
  EXPECT_THAT(tiny, ElementsAre(0.75f, 0.25f));
  // Smaller ones have something left.
  EXPECT_THAT(MeansOf({2, 0}, 1), ElementsAre(0.5f, 0x1p-40f));
  EXPECT_THAT(MeansOf({1e30, 1e-30}, 1), ElementsAre(FloatEq(0.7888609f), 0x1p-40f));
}

TEST_F(ImportanceTest, MatricesThatTheModelDoesNotHaveAreTold) {
  Checkpoint checkpoint = Sound();
  Importance importance;
  importance.path = "m.gguf";
  importance.matrices["blk.0.attn_q.weight"] = {{8, 2}, {4}};
  importance.matrices["blk.1.attn_q.weight"] = {{8, 2}, {4}};
  ASSERT_TRUE(AddImportance(importance, /*is_tied=*/true, &checkpoint, &notes_).ok());
  EXPECT_THAT(notes_,
              ElementsAre("m.gguf: is of another model, or of more: 1 of 2 matrices are not "
                          "in this one, such as 'blk.1.attn_q.weight'"));
}

TEST_F(ImportanceTest, ImportancesOfAnotherKindOfModelAreRefused) {
  Checkpoint checkpoint = Sound();
  Importance importance;
  importance.matrices["encoder.0.attn.weight"] = {{8, 2}, {4}};
  EXPECT_EQ(AddImportance(importance, /*is_tied=*/true, &checkpoint, &notes_).message(),
            "the importance matrix: names no matrix of the model");
}

}  // namespace
}  // namespace lluda::frontends::gguf
