// What `lluda validate` prints: a table with a row for each prompt, or JSON.
//
//   Validation validation{"bf16", prompts, results};
//   WriteStdout(ValidationText(validation));
#ifndef LLUDA_TOOLS_VALIDATE_VALIDATE_REPORT_H_
#define LLUDA_TOOLS_VALIDATE_VALIDATE_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "tools/validate/cache_error.h"
#include "tools/validate/reference.h"
#include "tools/validate/validator.h"

namespace lluda::tools {

struct Validation {
  std::string precision;
  std::vector<ReferencePrompt> prompts;
  std::vector<PromptResult> results;  // of each prompt
  std::optional<CacheError> cache_error;
  std::vector<std::string> skipped;  // what was not compared, and why

  // Whether no prompt fell short, nor the cache.
  bool Passed() const;
};

std::string ValidationText(const Validation& validation);
std::string ValidationJson(const Validation& validation);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VALIDATE_VALIDATE_REPORT_H_
