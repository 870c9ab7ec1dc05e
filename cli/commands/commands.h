// The subcommands. Each returns the exit code of a run that came to its end, or the error that
// ended it early; main.cc reports errors.
//
//   absl::StatusOr<int> code = RunTokenize(arguments.tokenize);
#ifndef LLUDA_CLI_COMMANDS_COMMANDS_H_
#define LLUDA_CLI_COMMANDS_COMMANDS_H_

#include "absl/status/statusor.h"
#include "cli/flags/arguments.h"

namespace lluda::cli {

absl::StatusOr<int> RunGenerate(const GenerateFlags& flags);
absl::StatusOr<int> RunChat(const ChatFlags& flags);
absl::StatusOr<int> RunServe(const ServeFlags& flags);
absl::StatusOr<int> RunTokenize(const TokenizeFlags& flags);
absl::StatusOr<int> RunEmbed(const EmbedFlags& flags);
absl::StatusOr<int> RunRerank(const RerankFlags& flags);
absl::StatusOr<int> RunTranscribe(const TranscribeFlags& flags);
absl::StatusOr<int> RunIr(const IrFlags& flags);
absl::StatusOr<int> RunAsm(const AsmFlags& flags);
absl::StatusOr<int> RunExplain(const ExplainFlags& flags);
absl::StatusOr<int> RunReport(const ReportFlags& flags);
absl::StatusOr<int> RunVerify(const VerifyFlags& flags);
absl::StatusOr<int> RunValidate(const ValidateFlags& flags);
absl::StatusOr<int> RunEval(const EvalFlags& flags);
absl::StatusOr<int> RunCompile(const CompileFlags& flags);
absl::StatusOr<int> RunInspect(const InspectFlags& flags);
absl::StatusOr<int> RunCache(const CacheFlags& flags);
absl::StatusOr<int> RunBench(const BenchFlags& flags);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_COMMANDS_COMMANDS_H_
