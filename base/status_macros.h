// Hands errors on: the two lines that half of all statements would otherwise be followed by.
//
//   absl::StatusOr<Config> LoadConfig(const std::string& folder) {
//     ASSIGN_OR_RETURN(const std::string text, ReadFile(folder + "/config.json"));
//     RETURN_IF_ERROR(CheckText(text));
//     return Parse(text);
//   }
//
// Both are statements of a function that returns an absl::Status or an absl::StatusOr. Only the
// first argument must be free of commas that no parentheses enclose.
#ifndef LLUDA_BASE_STATUS_MACROS_H_
#define LLUDA_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lluda::base::internal {

inline absl::Status StatusOf(absl::Status status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace lluda::base::internal

// Evaluates an expression of type absl::Status or absl::StatusOr and returns its error, if it is
// one.
#define RETURN_IF_ERROR(...)                                                          \
  do {                                                                                \
    if (absl::Status lluda_status = ::lluda::base::internal::StatusOf((__VA_ARGS__)); \
        !lluda_status.ok()) {                                                         \
      return lluda_status;                                                            \
    }                                                                                 \
  } while (false)

// Evaluates an expression of type absl::StatusOr, returns its error if it is one, and else moves
// its value to `target`, a declaration or something that can be assigned to.
#define ASSIGN_OR_RETURN(target, ...) \
  LLUDA_ASSIGN_OR_RETURN_(LLUDA_JOIN_(lluda_result_, __LINE__), target, __VA_ARGS__)

#define LLUDA_ASSIGN_OR_RETURN_(result, target, ...)   \
  auto result = (__VA_ARGS__);                         \
  if (!result.ok()) return std::move(result).status(); \
  target = *std::move(result)
#define LLUDA_JOIN_(a, b) LLUDA_JOIN_AGAIN_(a, b)
#define LLUDA_JOIN_AGAIN_(a, b) a##b

#endif  // LLUDA_BASE_STATUS_MACROS_H_
