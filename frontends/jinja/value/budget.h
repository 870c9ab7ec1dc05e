// Counts what a rendering costs against kMostSteps. Whoever does something that grows with its
// input charges for it first; the renderer looks at each node whether anything is left.
#ifndef LLUDA_FRONTENDS_JINJA_VALUE_BUDGET_H_
#define LLUDA_FRONTENDS_JINJA_VALUE_BUDGET_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "frontends/jinja/value/limits.h"

namespace lluda::jinja {

class Budget {
 public:
  void ChargeStep() { left_ -= kPartsPerStep; }
  void ChargeParts(size_t parts) { left_ -= static_cast<int64_t>(parts); }
  void ChargeBytes(size_t bytes) { ChargeParts(1 + bytes / kTextBytesPerPart); }

  bool spent() const { return left_ < 0; }
  absl::Status Check() const { return spent() ? Error() : absl::OkStatus(); }

 private:
  static absl::Status Error() {
    return absl::ResourceExhaustedError(
        absl::StrCat("the template takes more than ", kMostSteps, " steps"));
  }

  int64_t left_ = kMostSteps * kPartsPerStep;
};

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_VALUE_BUDGET_H_
