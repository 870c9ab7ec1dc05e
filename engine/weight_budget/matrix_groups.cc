#include "engine/weight_budget/matrix_groups.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/weight_budget/weight_error.h"
#include "ir/type/encoding.h"

namespace lluda::engine {
namespace {

using frontends::decoder::Matrix;

constexpr int64_t kRanges = 4;  // of layers

// Large ones first.
constexpr ir::DType kTypes[] = {
    ir::DType::kQ8_0, ir::DType::kQ6K,   ir::DType::kQ5_1, ir::DType::kQ5_0,
    ir::DType::kQ5K,  ir::DType::kQ4_1,  ir::DType::kQ4_0, ir::DType::kIQ4NL,
    ir::DType::kQ4K,  ir::DType::kIQ4XS, ir::DType::kQ3K,  ir::DType::kQ2K,
};

struct RoleRow {
  absl::string_view weight;  // as modules call it
  absl::string_view role;
};
// Another one is a role of its own.
constexpr RoleRow kRoles[] = {
    {"embed", "embedding"},
    {"lm_head", "head"},
    {"wqkv", "q k v"},
    {"wq", "q k"},
    {"wk", "q k"},
    {"wv", "v"},
    {"wo", "o"},
    {"wgu", "gate up"},
    {"wg", "gate up"},
    {"wu", "gate up"},
    {"wd", "down"},
    {"eg", "experts' gate up"},
    {"eu", "experts' gate up"},
    {"ed", "experts' down"},
    {"sg", "shared gate up"},
    {"su", "shared gate up"},
    {"sd", "shared down"},
};

absl::string_view RoleOf(const std::string& weight) {
  for (const RoleRow& row : kRoles) {
    if (row.weight == weight) return row.role;
  }
  return weight;
}

// "layers 0-6, q k"
std::string NameOf(const Matrix& matrix, const frontends::decoder::Decoder& decoder) {
  const absl::string_view role = RoleOf(matrix.weight);
  const int64_t layers = decoder.layer_count();
  if (!matrix.layer) {
    return absl::StrCat(role, decoder.tie_word_embeddings ? " and head" : "");
  }
  const int64_t ranges = std::min(kRanges, layers);
  const int64_t range = *matrix.layer * ranges / layers;
  // The layers l with l * ranges / layers == range.
  const int64_t begin = (range * layers + ranges - 1) / ranges;
  const int64_t last = ((range + 1) * layers + ranges - 1) / ranges - 1;
  return begin == last ? absl::StrCat("layer ", begin, ", ", role)
                       : absl::StrCat("layers ", begin, "-", last, ", ", role);
}

bool Fits(ir::DType type, const Matrix& matrix) {
  return matrix.columns % ir::EncodingOf(type).elements == 0;
}

std::vector<ir::DType> TypesOf(const MatrixGroup& group) {
  std::vector<ir::DType> types;
  for (const ir::DType type : kTypes) {
    const bool fits = std::all_of(group.matrices.begin(), group.matrices.end(),
                                  [&](const Matrix& matrix) { return Fits(type, matrix); });
    if (fits) types.push_back(type);
  }
  return types;
}

// Bytes of an element that is not quantised.
int64_t PlainBytes(const ModelFiles& files, const ModuleOptions& options, const Matrix& matrix) {
  if (options.precision == Precision::kBF16) return ir::BytesOf(ir::DType::kBF16, 1);
  return ir::BytesOf(*files.checkpoint->Find(matrix.tensors[0])->dtype, 1);
}

}  // namespace

int64_t MatrixGroup::elements() const {
  int64_t count = 0;
  for (const Matrix& matrix : matrices) count += matrix.rows * matrix.columns;
  return count;
}

void MatrixGroup::Put(std::optional<ir::DType> type, frontends::WeightTypes* types_of) const {
  for (const Matrix& matrix : matrices) {
    for (const std::string& tensor : matrix.tensors) (*types_of)[tensor] = type;
  }
}

absl::StatusOr<std::vector<MatrixGroup>> GroupMatrices(const ModelFiles& files,
                                                       const ModuleOptions& options,
                                                       runtime::ThreadPool* pool) {
  ASSIGN_OR_RETURN(std::vector<Matrix> matrices, MatricesOf(files, options));
  std::vector<MatrixGroup> groups;
  std::map<std::string, size_t> places;
  for (Matrix& matrix : matrices) {
    if (!Fits(kProbeType, matrix)) continue;
    const std::string name = NameOf(matrix, files.decoder);
    const auto [place, is_new] = places.try_emplace(name, groups.size());
    if (is_new) groups.push_back({name, {}, {}});
    groups[place->second].matrices.push_back(std::move(matrix));
  }
  if (groups.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(files.folder, ": no matrix of floats has rows of whole blocks of ",
                     ir::EncodingOf(kProbeType).elements, " elements"));
  }
  for (MatrixGroup& group : groups) {
    int64_t plain = 0;
    for (const Matrix& matrix : group.matrices) {
      plain += matrix.rows * matrix.columns * PlainBytes(files, options, matrix);
    }
    group.types.push_back({std::nullopt, plain, 0});
    const std::vector<ir::DType> types = TypesOf(group);
    // Each matrix by one thread, then added up in their order.
    std::vector<absl::StatusOr<std::vector<WeightError>>> of_matrices(group.matrices.size(),
                                                                      std::vector<WeightError>());
    pool->ParallelFor(static_cast<int64_t>(group.matrices.size()), 1,
                      [&](int64_t begin, int64_t end, int) {
                        for (int64_t i = begin; i < end; ++i) {
                          of_matrices[i] = ErrorsOf(*files.checkpoint, group.matrices[i], types);
                        }
                      });
    std::vector<WeightError> errors(types.size());
    for (const auto& of_matrix : of_matrices) {
      RETURN_IF_ERROR(of_matrix.status());
      for (size_t i = 0; i < types.size(); ++i) errors[i].Add((*of_matrix)[i]);
    }
    for (size_t i = 0; i < types.size(); ++i) {
      group.types.push_back(
          {types[i], ir::BytesOf(types[i], group.elements()), errors[i].Relative()});
    }
  }
  return groups;
}

}  // namespace lluda::engine
