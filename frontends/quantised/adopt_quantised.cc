#include "frontends/quantised/adopt_quantised.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/quantised/encode.h"
#include "frontends/quantised/linear.h"
#include "ir/type/dtype.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::quantised {
namespace {

// The name of a module in any layer: "model.layers.*.mlp.up_proj".
std::string RoleOf(absl::string_view module) {
  std::vector<std::string> parts = absl::StrSplit(module, '.');
  for (std::string& part : parts) {
    if (std::all_of(part.begin(), part.end(), absl::ascii_isdigit)) part = "*";
  }
  return absl::StrJoin(parts, ".");
}

DerivedTensor Derive(const std::string& label, ir::DType dtype,
                     std::shared_ptr<const Linear> linear) {
  DerivedTensor tensor;
  tensor.parts = linear->parts;
  tensor.view.name = absl::StrCat(linear->module, ".weight");
  tensor.view.dtype = dtype;
  tensor.view.dtype_name = absl::AsciiStrToUpper(ir::DTypeName(dtype));
  tensor.view.shape = {linear->rows, linear->columns};
  tensor.view.data = nullptr;
  tensor.view.bytes = static_cast<size_t>(ir::BytesOf(dtype, linear->rows * linear->columns));
  tensor.write = [label, dtype, linear = std::move(linear)](int64_t begin, int64_t end,
                                                            std::byte* rows) -> absl::Status {
    const absl::Status status = EncodeRows(*linear, dtype, begin, end, rows);
    if (status.ok()) return status;
    return absl::InvalidArgumentError(absl::StrCat(
        label, ": tensor '", base::QuoteName(linear->weight.name), "': ", status.message()));
  };
  return tensor;
}

void NoteDequantised(const std::string& label, const std::vector<std::string>& modules,
                     std::vector<std::string>* notes) {
  if (modules.empty()) return;
  notes->push_back(absl::StrCat(
      label, ": ", modules.size(), modules.size() == 1 ? " matrix has" : " matrices have",
      " numbers that no blocks of 32 hold, and ", modules.size() == 1 ? "is" : "are",
      " dequantised while they are loaded: '", base::QuoteName(modules[0]), "'",
      modules.size() > 1 ? ", ..." : ""));
}

}  // namespace

absl::Status AdoptQuantised(const std::string& label, const Scheme& scheme, Checkpoint* checkpoint,
                            std::vector<std::string>* notes) {
  std::vector<std::shared_ptr<const Linear>> linears;
  // Which dtypes the matrices of a role may have, of EncodedDTypes().
  std::map<std::string, std::vector<bool>> possible;
  const absl::Span<const ir::DType> dtypes = EncodedDTypes();
  for (const std::string& module : QuantisedModules(scheme, *checkpoint)) {
    ASSIGN_OR_RETURN(Linear linear, FindLinear(label, scheme, *checkpoint, module));
    std::vector<bool>& of_role = possible[RoleOf(module)];
    of_role.resize(dtypes.size(), true);
    for (size_t i = 0; i < dtypes.size(); ++i) {
      of_role[i] = of_role[i] && CanEncode(linear, dtypes[i]);
    }
    linears.push_back(std::make_shared<const Linear>(std::move(linear)));
  }
  if (linears.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        label, ": config.json says that matrices are quantised as ", scheme.name, ", and none is"));
  }
  std::vector<std::string> dequantised;
  for (const std::shared_ptr<const Linear>& linear : linears) {
    const std::vector<bool>& of_role = possible.at(RoleOf(linear->module));
    const ir::DType dtype =
        dtypes[std::find(of_role.begin(), of_role.end(), true) - of_role.begin()];
    if (dtype == dtypes.back()) dequantised.push_back(linear->module);
    for (const TensorView& part : linear->parts) checkpoint->Remove(part.name);
    DerivedTensor tensor = Derive(label, dtype, linear);
    if (checkpoint->Find(tensor.view.name) != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          label, ": tensor '", base::QuoteName(tensor.view.name), "' stands beside the quantised '",
          base::QuoteName(linear->weight.name), "'"));
    }
    checkpoint->Add(std::move(tensor));
  }
  NoteDequantised(label, dequantised, notes);
  return absl::OkStatus();
}

}  // namespace lluda::frontends::quantised
