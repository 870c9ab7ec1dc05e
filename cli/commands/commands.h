// The subcommands. Each returns the exit code of a run that came to its end, or the error that
// ended it early; main.cc reports errors.
//
//   TokenizeFlags flags;
//   flags.prompt.text = "Hi";
//   absl::StatusOr<int> code = Run(flags);
#ifndef LLUDA_CLI_COMMANDS_COMMANDS_H_
#define LLUDA_CLI_COMMANDS_COMMANDS_H_

#include "absl/status/statusor.h"
#include "cli/flags/arguments.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const GenerateFlags& flags);
absl::StatusOr<int> Run(const ChatFlags& flags);
absl::StatusOr<int> Run(const ServeFlags& flags);
absl::StatusOr<int> Run(const TokenizeFlags& flags);
absl::StatusOr<int> Run(const EmbedFlags& flags);
absl::StatusOr<int> Run(const RerankFlags& flags);
absl::StatusOr<int> Run(const TranscribeFlags& flags);
absl::StatusOr<int> Run(const IrFlags& flags);
absl::StatusOr<int> Run(const AsmFlags& flags);
absl::StatusOr<int> Run(const ExplainFlags& flags);
absl::StatusOr<int> Run(const ReportFlags& flags);
absl::StatusOr<int> Run(const VerifyFlags& flags);
absl::StatusOr<int> Run(const ValidateFlags& flags);
absl::StatusOr<int> Run(const EvalFlags& flags);
absl::StatusOr<int> Run(const ImatrixFlags& flags);
absl::StatusOr<int> Run(const CompileFlags& flags);
absl::StatusOr<int> Run(const InspectFlags& flags);
absl::StatusOr<int> Run(const CacheFlags& flags);
absl::StatusOr<int> Run(const BenchFlags& flags);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_COMMANDS_COMMANDS_H_
