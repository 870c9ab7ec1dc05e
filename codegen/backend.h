// What a device's code generator offers to the walk over the entries (compile.h), which knows none:
// how an op's values lie in memory, a kernel for each spec, and code for all of them. CpuBackend is
// the first one.
//
//   KernelSpec spec = backend->SpecOf(op);
//   auto info = backend->Emit(spec, "rmsnorm_f32_bf16_1024");     // once for equal specs
//   auto library = backend->Finish({"rmsnorm_f32_bf16_1024"}, nullptr);
//
// Two back ends share specs and what KernelInfo says, and no emitter: kernels for threads with
// vectors and kernels for thousands of lanes are different kernels. The interpreter is what both
// are tested against.
#ifndef LLUDA_CODEGEN_BACKEND_H_
#define LLUDA_CODEGEN_BACKEND_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/kernel_library.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// How a kernel's items may be cut; the fields are those of runtime::Split.
struct SplitInfo {
  int64_t below = 0;
  ir::Extent extent;  // an item's units are this and `more`, divided by unit and rounded up
  int64_t more = 0;
  int64_t unit = 1;
  int64_t unit_bytes = 0;
};

// How to call the emitted kernel; the fields are those of runtime::Kernel.
struct KernelInfo {
  std::vector<ir::Axis> work_axes;  // the work items are the elements of these axes
  int64_t item_rows = 1;            // but an item takes so many of the last axis together
  int64_t item_cost = 1;            // nanoseconds, roughly, times the value of cost_symbol
  std::string cost_symbol;
  int64_t scratch_bytes = 0;
  int64_t item_read_bytes = 0;
  SplitInfo split;
};

// Told of each kernel that was compiled, by its name, and of the object it became. Called from
// several threads at a time.
using ObjectListener = std::function<void(const std::string& kernel, absl::string_view object)>;

// Compiles the kernels of one program.
class Backend {
 public:
  virtual ~Backend() = default;

  // Stands in the kernels' names: "avx512bf16".
  virtual std::string Name() const = 0;
  // All that a kernel's object depends on beside its name and spec, for the cache.
  virtual std::string Version() const = 0;

  // The spec of an op that is neither a view, a call, a loop, a terminator nor a pack: the IR's
  // types, and what this back end decides of layouts on top of them.
  virtual KernelSpec SpecOf(const ir::Op& op) const = 0;

  // Whether its kernels have dims of their own, which each call binds (bound_spec.h). Others are given
  // the values of the module's symbols.
  virtual bool BindsDims() const { return false; }

  // From how many rows on a statement of this spec has another kernel, that of the spec with `many`:
  // where the symbol is above the number. None by default.
  struct Many {
    std::string symbol;
    int64_t above = 0;
  };
  virtual std::optional<Many> ManyRows(const KernelSpec&) const { return std::nullopt; }

  // Whether neighbouring statements of these specs, which run side by side, may be one kernel; with
  // `norm`, an rmsnorm before them that makes operand 0 of all of them and is computed again by each
  // of its blocks. No by default.
  virtual bool MayGroup(const KernelSpec*, const std::vector<KernelSpec>&) const { return false; }

  // Writes the kernel `name`. Unimplemented, naming op and types, when this op on these layouts has
  // none; nothing was written then.
  virtual absl::StatusOr<KernelInfo> Emit(const KernelSpec& spec, const std::string& name) = 0;
  // In place of Emit: what the listener was given for this name, this version and this spec.
  virtual void AddObject(const std::string& name, std::string object) = 0;

  // Makes code of all that was emitted and added, `names` in this order. The last call. The
  // listener, which may be empty, is told of what was emitted.
  virtual absl::StatusOr<std::unique_ptr<KernelLibrary>> Finish(
      const std::vector<std::string>& names, const ObjectListener& listener) = 0;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_BACKEND_H_
