#include "tests/op_cases/op_case.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"

namespace lluda::tests {

std::string ModuleText(const OpCase& c, machine::DeviceKind device) {
  std::string text =
      absl::StrCat("lluda 1\nmodule @test {\n  symbol T in 1..1024\n  symbol S in 1..4\n",
                   "  symbol C in 64..1024\n", c.declarations, "\n  func @f(", c.parameters,
                   ") -> ", c.result, " {\n", c.body, "\n  return %r\n  }\n}\n");
  if (device == machine::DeviceKind::kGpu) {  // its states lie in rows
    text = absl::StrReplaceAll(
        text, {{" @panel($bf16, dim)", ""}, {" @panel($f32, dim)", ""}, {" @panel($i8, dim)", ""}});
  }
  return codegen::WithPanels(text, device);
}

PackedWeight Packed(const std::string& name, const std::string& dtype, const std::string& axes,
                    const std::string& k) {
  const std::string type = absl::StrCat(dtype, " ", axes);
  const std::string panel = absl::StrCat("$", dtype);
  return {absl::StrCat("  weight @", name, " : ", type, " from \"", name, "\"\n"),
          absl::StrCat("    @p", name, " = pack @", name, " over ", k, " {tile = ", panel,
                       "} : ", type, " @panel(", panel, ", ", k, ")\n")};
}

std::string Declared(const PackedWeight& weight) {
  return absl::StrCat(weight.declaration, "  load {\n", weight.load, "  }");
}

}  // namespace lluda::tests
