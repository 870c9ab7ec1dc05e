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

// The name of a module without its numbers but for the first `kept`. With none kept it is that of the
// module in any layer, "model.layers.*.mlp.up_proj"; with one, of any expert of a layer.
std::string RoleOf(absl::string_view module, int kept) {
  std::vector<std::string> parts = absl::StrSplit(module, '.');
  for (std::string& part : parts) {
    const bool is_number = std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
    if (is_number && kept-- <= 0) part = "*";
  }
  return absl::StrJoin(parts, ".");
}

// Which of EncodedDTypes() have all numbers of some matrices.
struct Possible {
  std::vector<bool> dtypes = std::vector<bool>(EncodedDTypes().size(), true);

  void Restrict(const std::vector<bool>& others) {
    for (size_t i = 0; i < dtypes.size(); ++i) dtypes[i] = dtypes[i] && others[i];
  }
  ir::DType smallest() const {
    return EncodedDTypes()[std::find(dtypes.begin(), dtypes.end(), true) - dtypes.begin()];
  }
  bool in_blocks() const { return ir::IsBlock(smallest()); }
};

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
  std::map<std::string, Possible> in_layer;
  for (const std::string& module : QuantisedModules(scheme, *checkpoint)) {
    ASSIGN_OR_RETURN(Linear linear, FindLinear(label, scheme, *checkpoint, module));
    std::vector<bool> fits;
    for (const ir::DType dtype : EncodedDTypes()) fits.push_back(CanEncode(linear, dtype));
    in_layer[RoleOf(module, 1)].Restrict(fits);
    linears.push_back(std::make_shared<const Linear>(std::move(linear)));
  }
  if (linears.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        label, ": config.json says that matrices are quantised as ", scheme.name, ", and none is"));
  }
  // A layer that no blocks hold leaves the others in theirs.
  std::map<std::string, Possible> in_all;
  for (const auto& [role, possible] : in_layer) {
    if (possible.in_blocks()) in_all[RoleOf(role, 0)].Restrict(possible.dtypes);
  }
  std::vector<std::string> dequantised;
  for (const std::shared_ptr<const Linear>& linear : linears) {
    const Possible& own = in_layer.at(RoleOf(linear->module, 1));
    const ir::DType dtype =
        own.in_blocks() ? in_all.at(RoleOf(linear->module, 0)).smallest() : own.smallest();
    if (!ir::IsBlock(dtype)) dequantised.push_back(linear->module);
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
