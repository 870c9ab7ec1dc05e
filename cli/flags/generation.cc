#include "cli/flags/generation.h"

#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/flags/generation_flags.h"
#include "cli/terminal/output.h"
#include "frontends/tokenizer/tokenizer.h"
#include "runtime/machine/interrupt.h"
#include "runtime/timeline.h"
#include "tools/inspect/trace.h"
#include "tools/run/generation_report.h"

namespace lluda::cli {

absl::StatusOr<int> GenerateText(const char* program, engine::Model* model,
                                 const GenerateFlags& flags, const std::string& prompt,
                                 std::shared_ptr<const grammar::Grammar> grammar,
                                 engine::Drafter* drafter) {
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session, engine::Session::Create(model, {}));

  engine::GenerateOptions options = GenerateOptionsOf(flags, *model, drafter);
  ASSIGN_OR_RETURN(options.constraint, ConstraintOf(std::move(grammar), *model, {}));
  absl::Status written;
  if (!flags.json) options.on_text = StdoutWriter(&written);
  const runtime::Interrupt interrupt;
  options.cancel = interrupt.flag();
  tokenizer::EncodeOptions encode;
  encode.add_special_tokens = true;
  const std::vector<int32_t> ids = model->tokenizer()->Encode(prompt, encode);
  runtime::Timeline timeline(model->threads());
  if (!flags.trace_file.empty()) model->executable()->RecordTo(&timeline);
  ASSIGN_OR_RETURN(engine::Generation generation, session->Generate(ids, options));
  if (!written.ok()) return written;
  if (!flags.trace_file.empty()) {
    model->executable()->RecordTo(nullptr);
    written = base::WriteFile(flags.trace_file,
                              tools::TraceJson(model->executable()->program(), timeline));
    if (!written.ok()) return written;
  }

  const tools::GenerationReport report = tools::ReportOf(*model, *session, std::move(generation));
  if (flags.json) {
    written = WriteStdout(tools::GenerationJson(report, flags.sampler.seed));
  } else if (IsTerminal(STDOUT_FILENO) && !absl::EndsWith(report.generation.text, "\n")) {
    written = WriteStdout("\n");
  }
  if (!written.ok()) return written;
  TellEnd(program, flags, *session, report);
  return interrupt.flag()->load() ? runtime::kInterruptedExitCode : 0;
}

}  // namespace lluda::cli
