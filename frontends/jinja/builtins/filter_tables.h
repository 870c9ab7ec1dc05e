// What the files of filters, tests and methods share.
#ifndef LLUDA_FRONTENDS_JINJA_BUILTINS_FILTER_TABLES_H_
#define LLUDA_FRONTENDS_JINJA_BUILTINS_FILTER_TABLES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/jinja/builtins/builtin.h"

namespace lluda::jinja {

// nullptr if it is none that goes through a sequence.
const Builtin* FindSequenceFilter(std::string_view name);

// Python's text.replace; a negative count means all.
absl::StatusOr<Value> ReplaceText(Machine* machine, const Text& text, const std::string& old_part,
                                  const Text& new_part, int64_t count);

// `separator` between the items' texts.
absl::StatusOr<Value> JoinItems(Machine* machine, const std::vector<Value>& items,
                                const Text& separator);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_BUILTINS_FILTER_TABLES_H_
