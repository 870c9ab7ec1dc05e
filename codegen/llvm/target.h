// The CPU kernels are compiled for.
//
// Example: Target::Host() on a Zen 5 server has isa kAvx512Bf16 and cpu "znver5";
// Target::Named("avx2") is what an older machine would get, for tests and measurements.
#ifndef LLUDA_CODEGEN_LLVM_TARGET_H_
#define LLUDA_CODEGEN_LLVM_TARGET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/type/dtype.h"
#include "machine/tiles.h"

namespace lluda::codegen {

using machine::AllIsas;
using machine::AllTiles;
using machine::Dot;
using machine::Isa;
using machine::IsaName;
using machine::kPanelRows;
using machine::PanelShapeOf;
using machine::TileRow;

// Of the LLVM that generates the code: "19.1.7".
std::string LlvmVersion();

struct Target {
  std::string cpu;                    // LLVM's name, "" for the baseline
  std::vector<std::string> features;  // "+avx2", "-avx512f", ...: explicit, none implied by `cpu`
  std::string tune;                   // the CPU whose timings LLVM schedules for; "": that of `cpu`
  Isa isa = Isa::kGeneric;

  bool has_fma() const { return isa >= Isa::kAvx2; }
  bool has_avx512() const { return isa >= Isa::kAvx512; }
  // LLVM's name of a feature: "avx512vnni".
  bool HasFeature(absl::string_view feature) const;
  // The tile for these inputs, or nullptr: see machine/tiles.h.
  const TileRow* FindTile(ir::DType a, ir::DType b) const { return machine::FindTile(isa, a, b); }
  const TileRow* FindMatmulTile(ir::DType a, ir::DType b) const {
    return machine::FindMatmulTile(isa, a, b);
  }

  // How far ahead of its use each of `panels` panels that stream from memory side by side is asked for:
  // the row of prefetch.def for the CPU that is scheduled for, or the first one.
  int64_t PrefetchBytes(size_t panels = 2) const;

  // The CPU this process runs on, with the features the operating system lets it use. Asks it for
  // AMX where the CPU has that.
  static Target Host();
  // A host limited to an older instruction set: "generic", "avx2", "avx512", "avx512bf16", or
  // "host". NotFound for other names, FailedPrecondition when this CPU cannot run it.
  static absl::StatusOr<Target> Named(absl::string_view isa);
  // For code that other machines run, too: only the features that the instruction set's row names,
  // scheduled for this CPU. The same names and errors as Named.
  static absl::StatusOr<Target> Portable(absl::string_view isa);

  // The features that are on, without their "+", sorted.
  std::vector<std::string> EnabledFeatures() const;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_TARGET_H_
